// Which number of an announced value is the answer.
//
// The first one, with three exceptions: an equation counts by its last side ("5 x 3 = 15"), a sentence that leads up to its
// number counts by the bold one or the one after "is", and a bare expression or a range is no number.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View FILLERS[] = {
    "approximately", "about", "around", "roughly", "nearly", "almost", "only",   "exactly",  "just",    "a",    "an",
    "the",    "total", "of",     "over",   "out",    "simply", "therefore", "thus", "then",   "so",     "option", "choice",
    "equal",  "to",    "text",   "textbf", "mathbf", "mathrm", "boxed",  "fbox",    "dollars", "usd",   "rs",   "negative",
    "minus",  "approx", "us",    "inr",    "eur",    "also",   "still",  "indeed",  "actually", "now",  "left",
};
constexpr View NO_VALUE[] = {"not",     "found", "calculated", "obtained", "computed", "determined", "derived", "reached",
                             "wrong",   "incorrect", "based",  "unclear",  "unknown",  "between",    "from"};
constexpr View BREAKS[] = {"because", "since", "as", "where", "when", "if", "so", "which", "for", "given", "therefore", "but", "and", "or", "that"};
constexpr View OPERATOR_WORDS[] = {"x", "plus", "minus", "times", "divided", "multiplied", "to", "through", "or"};
constexpr View VERBS[] = {"is", "are", "equals", "be", "gives", "was", "makes"};
constexpr View LATEX_OPERATORS[] = {"\\times", "\\cdot", "\\div", "\\pm", "\\sqrt", "\\pi", "\\cup", "\\overline", "\\bar", "\\log"};

bool starts_any(View s, size_t i, size_t end, const View* first, const View* last) {
    return std::any_of(first, last, [&](View x) { return starts(s, i, end, x); });
}

// The width of an equality sign at i, or 0.
size_t equal_sign(View s, size_t i, size_t end) {
    if (s[i] == '=' || s[i] == ALMOST) return 1;
    return starts(s, i, end, "\\approx") ? 7 : 0;
}

bool breaks_chain(View s, size_t i, size_t end, bool joined) {
    const char c = s[i];
    return c == ';' || (c == ',' && space(at(s, i + 1, end))) || (c == '(' && !joined && space(s[i - 1]));
}

// The position after the last equality sign of the chain that begins at i, or 0.
size_t last_equal(View s, size_t i, size_t end) {
    size_t found = 0;
    bool joined = true;
    while (i < end) {
        const size_t width = equal_sign(s, i, end);
        if (width > 0) {
            found = i + width;
            joined = true;
        } else if (breaks_chain(s, i, end, joined)) {
            break;
        } else if (letter(s[i])) {
            const Word word = word_at(s, i, end);
            if (one_of(word, BREAKS)) break;
            joined = word == "x";
            i = word_end(s, i, end);
            continue;
        } else if (!space(s[i])) {
            joined = one_of(s[i], "+-*/(") || s[i] == TIMES || s[i] == DIVIDED;
        }
        i += std::max<size_t>(width, 1);
    }
    return found;
}

// Whether the next thing is a number, currency, sign and opening brackets aside.
bool number_follows(View s, size_t i, size_t end) {
    while (i < end && (space(s[i]) || one_of(s[i], "(\\*{") || one_of(s[i], CURRENCY_SIGNS))) ++i;
    return digit(at(s, i, end)) || (at(s, i, end) == '.' && digit(at(s, i + 1, end)));
}

// Whether the number is only the first part of an expression or a range: 5 + 3, 5-6, 2\pi.
bool open_expression(View s, const Token& token, size_t end) {
    const size_t i = skip_spaces(s, token.end, end);
    const char c = at(s, i, end);
    if (c == ROOT || c == PI || starts_any(s, i, end, std::begin(LATEX_OPERATORS), std::end(LATEX_OPERATORS))) return true;
    if (c == '^') return !starts(s, i, end, "^\\circ") && !starts(s, i, end, "^{\\circ") && !starts(s, i, end, "^o");
    if (c == '+' || c == '-' || c == '*' || c == '/' || c == TIMES || c == DIVIDED) return number_follows(s, i + 1, end);
    if (!letter(c) || !one_of(word_at(s, i, end), OPERATOR_WORDS)) return false;
    const size_t j = skip_spaces(s, word_end(s, i, end), end);
    return number_follows(s, word_at(s, j, end) == "by" ? word_end(s, j, end) : j, end);
}

bool under_root(View s, const Token& token) {
    const View before = s.substr(0, token.start);
    return before.ends_with("\\sqrt{") || before.ends_with("\\sqrt ") || before.ends_with("\\sqrt") || before.ends_with(ROOT);
}

bool readable(View s, const Token& token, size_t end) {
    return token.value && !under_root(s, token) && !open_expression(s, token, end);
}

struct Head {
    size_t at;
    bool may;  // a number may follow
};

// Skips what may stand between the verb and its number.
Head head_of(View s, size_t i, size_t end) {
    while (i < end) {
        const char c = s[i];
        if (letter(c)) {
            const Word word = word_at(s, i, end);
            if (one_of(word, NO_VALUE)) return {i, false};
            if (!one_of(word, FILLERS) || number_words(s, i, end)) return {i, true};
            i = word_end(s, i, end);
        } else if (digit(c) || c == ',' || c == ';' || c == '\n' || (c == '.' && !digit(at(s, i + 1, end)))) {
            return {i, true};
        } else {
            ++i;
        }
    }
    return {i, true};
}

// The number inside the first **bold** stretch that has one.
std::optional<Token> bold(View s, size_t i, size_t end) {
    const View text = s.substr(0, end);
    while ((i = text.find("**", i)) != View::npos) {
        const size_t j = text.find("**", i + 2);
        if (j == View::npos) return std::nullopt;
        if (auto token = first_token(s, i + 2, j)) return token;
        i = j + 2;
    }
    return std::nullopt;
}

// The number straight after the last "is", "equals" or "=" of a sentence.
std::optional<Token> after_verb(View s, size_t i, size_t end) {
    std::optional<Token> found;
    Tokens tokens(s, i, end);
    while (auto token = tokens.next()) {
        size_t j = token->start;
        while (j > i && (space(s[j - 1]) || s[j - 1] == '*')) --j;
        size_t k = j;
        while (k > i && letter(s[k - 1])) --k;
        if ((j > 0 && s[j - 1] == '=') || one_of(Word(s, k, j), VERBS)) found = std::move(token);
    }
    return found;
}

Found spelled_number(size_t start, const SpelledNumber& words, bool negative) {
    Found found{start, words.end, {}};
    words.value.append_key(negative, found.key);
    return found;
}

// The first number in words; a lone "one" or "half" inside a sentence is none.
Reading spelled(View s, size_t head, size_t end) {
    for (size_t i = head; i < end;) {
        if (!letter(s[i])) {
            ++i;
            continue;
        }
        const auto words = number_words(s, i, end);
        const Word word = word_at(s, i, end);
        const bool lone = words && word_end(s, i, end) == words->end && (word == "one" || word == "half" || word == "zero");
        if (words && (i == head || !lone)) return spelled_number(i, *words, false);
        i = word_end(s, i, end);
    }
    return std::nullopt;
}

Found found_token(const Token& token) {
    Found found{token.start, token.end, {}};
    token.value.append_key(token.negative, found.key);
    return found;
}

// Whether the number is that of a list item: "1. First, ...".
bool enumerates(View s, const Token& token, size_t end) {
    const size_t i = token.end;
    const bool item = (at(s, i, end) == '.' || at(s, i, end) == ')') && space(at(s, i + 1, end)) && token.end - token.start <= 2;
    return item && letter(at(s, skip_spaces(s, i + 1, end), end));
}

// The last side of the chain of equations that a number begins, or the number itself.
Reading equation(View s, const Token& first, size_t stop, bool loose, LastDigit& digits) {
    std::optional<Token> last;
    if (const size_t after = last_equal(s, first.end, stop)) last = first_token(s, after, stop);
    const bool alone = readable(s, first, stop);
    if (!last && !alone && first.value) last = after_verb(s, first.end, stop);  // 20 + 30 equals 50
    if (!last || !readable(s, *last, stop)) return alone ? Reading(found_token(first)) : std::nullopt;
    if (loose && digits.behind(stop)) return std::nullopt;
    return found_token(*last);
}

bool negated(View s, size_t a, size_t head) {
    while (head > a && space(s[head - 1])) --head;
    size_t k = head;
    while (k > a && letter(s[k - 1])) --k;
    const Word word(s, k, head);
    return word == "minus" || word == "negative";
}

}  // namespace

size_t sentence_end(View s, size_t i, size_t end) {
    for (; i < end; ++i)
        if (one_of(s[i], ".?!") && (i + 1 >= end || space(s[i + 1]) || one_of(s[i + 1], "*\"')$"))) return i;
    return end;
}

Reading number_value(View s, size_t a, size_t b, Form form, bool fresh, LastDigit& digits) {
    const auto [head, may] = head_of(s, a, b);
    if (!may) return std::nullopt;
    const bool loose = form == Form::answer_colon || form == Form::heading, hashed = form == Form::hashes;
    if (head < b && letter(s[head]))
        if (const auto words = number_words(s, head, b); words && !(word_at(s, skip_spaces(s, words->end, b), b) == "of"))
            return spelled_number(head, *words, negated(s, a, head));
    const auto first = first_token(s, a, b);
    if (!first) return hashed ? std::nullopt : spelled(s, head, b);
    const auto from = s.begin() + static_cast<long>(std::min(head, first->magnitude));
    const bool direct = first->magnitude <= head || std::none_of(from, s.begin() + static_cast<long>(first->magnitude), letter);
    if (direct && (fresh || hashed) && enumerates(s, *first, b)) return std::nullopt;
    const size_t stop = sentence_end(s, first->end, b);
    if (direct) return equation(s, *first, stop, loose, digits);
    if (hashed || (loose && digits.behind(stop))) return std::nullopt;
    auto chosen = bold(s, head, stop);
    if (!chosen) chosen = after_verb(s, head, stop);
    return equation(s, chosen ? *chosen : *first, stop, loose, digits);
}

// Whether a number at the beginning of a line only counts it: "1. First", "2) then".
static bool numbers_item(View s, const Token& token, size_t start, size_t end) {
    const char mark = at(s, token.end, end);
    const size_t after = token.end + 1;
    return token.start == skip_spaces(s, start, end) && (mark == '.' || mark == ')') && space(at(s, after, end)) &&
           skip_spaces(s, after, end) < end;
}

Reading last_number(View s, size_t end) {
    for (;;) {
        const size_t line = s.substr(0, end).rfind('\n');
        const size_t start = line == View::npos ? 0 : line + 1;
        std::optional<Token> found;
        Tokens tokens(s, start, end);
        while (auto token = tokens.next())
            if (token->value && !numbers_item(s, *token, start, end)) found = std::move(token);
        if (found) return found_token(*found);
        if (start == 0) return std::nullopt;
        end = start - 1;
    }
}

}  // namespace lmsi
