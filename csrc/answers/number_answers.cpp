// Decides which number of an announced value is the answer.
//
// The answer is the first number, with three exceptions. In an equation, the last side counts ("5 x 3 = 15"). In a
// sentence that leads up to its number, the bold number or the number after "is" counts. A value that is only an
// expression or a range has no answer.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View FILLERS[] = {"approximately", "about",    "around", "roughly",   "nearly", "almost", "only",
                            "exactly",       "just",     "a",      "an",        "the",    "total",  "of",
                            "over",          "out",      "simply", "therefore", "thus",   "then",   "so",
                            "option",        "choice",   "equal",  "to",        "text",   "textbf", "mathbf",
                            "mathrm",        "boxed",    "fbox",   "dollars",   "usd",    "rs",     "negative",
                            "minus",         "approx",   "us",     "inr",       "eur",    "also",   "still",
                            "indeed",        "actually", "now",    "left"};
constexpr View NO_VALUE[] = {"not",           "found",     "calculated", "obtained", "computed", "determined", "derived", "reached",
                             "wrong",         "incorrect", "based",      "unclear",  "unknown",  "between",    "from",    "undefined",
                             "indeterminate", "infinite",  "infinitely", "infinity", "inf",      "nan"};
constexpr View BREAKS[] = {"because", "since", "as",        "where", "when", "if", "so",  "which",
                           "for",     "given", "therefore", "but",   "and",  "or", "that"};
constexpr View VERBS[] = {"is", "are", "equals", "be", "gives", "was", "makes"};

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

struct Head {
    size_t at;
    bool may;  // a number may follow
};

// Skips words between the verb and its number.
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

// The number in the first **bold** text that contains a number.
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

// The number directly after the last "is", "equals" or "=" of a sentence.
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

// The first number in words; a single "one" or "half" inside a sentence does not count.
Reading spelled(View s, size_t head, size_t end) {
    for (size_t i = head; i < end;) {
        if (!letter(s[i])) {
            ++i;
            continue;
        }
        const auto words = number_words(s, i, end);
        const Word word = word_at(s, i, end);
        const bool lone = words && word_end(s, i, end) == words->end && (word == "one" || word == "half" || word == "zero");
        if (words && (i == head || !lone)) return compound(s, words->end, end) ? std::nullopt : Reading(spelled_number(i, *words, false));
        i = word_end(s, i, end);
    }
    return std::nullopt;
}

Found found_token(const Token& token) {
    Found found{token.start, token.end, {}};
    token.value.append_key(token.negative, found.key);
    return found;
}

// The last side of the chain of equations that begins with a number, or the number if there is no chain; `stop` is the
// end of the sentence, and `end` the end of the line.
Reading equation(View s, const Token& first, size_t stop, size_t end, bool loose, LastDigit& digits) {
    std::optional<Token> last;
    if (const size_t after = last_equal(s, first.end, stop)) last = first_token(s, after, stop);
    const bool alone = stands_alone(s, first, stop, end);
    if (!last && !alone && first.value) last = after_verb(s, first.end, stop);  // 20 + 30 equals 50
    if (!last || !stands_alone(s, *last, stop, end)) return alone ? Reading(found_token(first)) : std::nullopt;
    if (loose && digits.behind(stop)) return std::nullopt;
    return found_token(*last);
}

// The last word of s[a, i), ignoring spaces after it.
Word word_before(View s, size_t a, size_t i) {
    while (i > a && space(s[i - 1])) --i;
    size_t k = i;
    while (k > a && letter(s[k - 1])) --k;
    return {s, k, i};
}

bool negative_word(const Word& word) { return word == "minus" || word == "negative"; }

// Whether a number at the beginning of a line is the label of a list item: "1. First", "2) then".
bool numbers_item(View s, const Token& token, size_t start, size_t end) {
    const char mark = at(s, token.end, end);
    const size_t after = token.end + 1;
    return token.start == skip_spaces(s, start, end) && (mark == '.' || mark == ')') && space(at(s, after, end)) &&
           skip_spaces(s, after, end) < end;
}

}  // namespace

size_t sentence_end(View s, size_t i, size_t end) {
    for (; i < end; ++i)
        if (one_of(s[i], ".?!") && (i + 1 >= end || space(s[i + 1]) || one_of(s[i + 1], "*\"')$"))) return i;
    return end;
}

Reading number_value(View s, size_t a, size_t b, Form form, bool labelled, LastDigit& digits) {
    const auto [head, may] = head_of(s, a, b);
    if (!may) return std::nullopt;
    if (head < b && letter(s[head]))
        if (const auto words = number_words(s, head, b); words && !(word_at(s, skip_spaces(s, words->end, b), b) == "of"))
            return compound(s, words->end, b) ? std::nullopt
                                              : Reading(spelled_number(head, *words, negative_word(word_before(s, a, head))));
    Tokens tokens(s, a, b);
    const auto first = tokens.next();
    const bool before = form == Form::is_the_answer, strict = labelled || before || form == Form::hashes;
    if (before && first && tokens.next()) return std::nullopt;
    if (!first) return strict ? std::nullopt : spelled(s, head, b);
    const auto from = s.begin() + static_cast<long>(std::min(head, first->magnitude));
    const bool direct = first->magnitude <= head || std::none_of(from, s.begin() + static_cast<long>(first->magnitude), letter);
    const bool loose = form == Form::answer_colon || form == Form::heading;
    const size_t stop = sentence_end(s, first->end, b);
    if (direct) return equation(s, *first, stop, b, loose, digits);
    if (strict || (loose && digits.behind(stop))) return std::nullopt;
    auto chosen = bold(s, head, stop);
    if (!chosen) chosen = after_verb(s, head, stop);
    if (!chosen) chosen = first;
    if (word_before(s, a, chosen->start) == "not") return std::nullopt;
    return equation(s, *chosen, stop, b, loose, digits);
}

Reading last_number(View s, size_t end) {
    for (;;) {
        const size_t line = s.substr(0, end).rfind('\n');
        const size_t start = line == View::npos ? 0 : line + 1;
        std::optional<Token> last;
        size_t before = 0;  // the end of the number before the last one
        Tokens tokens(s, start, end);
        while (auto token = tokens.next()) {
            if (numbers_item(s, *token, start, end)) continue;
            before = last ? last->end : 0;
            last = std::move(token);
        }
        if (last) return !last->value || (before > 0 && compound(s, before, end)) ? std::nullopt : Reading(found_token(*last));
        if (start == 0) return std::nullopt;
        end = start - 1;
    }
}

}  // namespace lmsi
