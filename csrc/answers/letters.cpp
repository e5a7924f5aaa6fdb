// Letters that name an option: (B), B., **B**, option B; but not the article "a" or the pronoun "I".
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View FILLERS[] = {
    "option", "choice",   "letter",    "answer",  "the",      "correct", "is",     "most",    "likely",  "definitely", "clearly",
    "best",   "probably", "therefore", "thus",    "so",       "text",    "textbf", "textit",  "mathrm",  "mathbf",     "mathsf",
    "boxed",  "fbox",     "be",        "indeed",  "actually", "hence",   "i",      "we",      "you",     "it",         "that",
    "this",   "s",        "d",         "m",       "ll",       "ve",      "re",     "think",   "believe", "guess",      "suppose",
    "say",    "choose",   "chose",     "pick",    "select",   "go",      "going",  "let",     "us",      "with",       "would",
    "must",   "should",   "has",       "to",      "my",       "our",     "final",  "am",      "are",     "confident",  "certain",
    "sure",   "pretty",   "quite",     "leaning", "toward",   "towards", "in",     "opinion", "view"};
constexpr View JOINERS[] = {"or", "and", "nor", "plus", "maybe", "perhaps", "possibly", "also", "both", "either", "text", "quad", "mathrm"};
constexpr View AFTER_A[] = {"because", "since", "as", "is", "which", "and", "or", "with", "for", "based", "but", "due", "if"};
constexpr View AFTER_I[] = {"because", "since", "is"};

char option_letter(char c, const Options& options) {
    const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return capital >= 'A' && capital < 'A' + static_cast<int>(options.letters()) ? capital : '\0';
}

// A letter in brackets: (B), [B], {B}.
Reading enclosed(View s, size_t i, size_t end, const Options& options) {
    const char closing = s[i] == '(' ? ')' : s[i] == '[' ? ']' : '}';
    const size_t j = skip_spaces(s, i + 1, std::min(end, i + 2));
    const char found = option_letter(at(s, j, end), options);
    const size_t k = skip_spaces(s, j + 1, std::min(end, j + 2));
    if (found == '\0' || at(s, k, end) != closing) return std::nullopt;
    return choice(i, k + 1, found);
}

// B, B., B) and so on; the next characters distinguish a letter from an article, a pronoun or a word.
Reading bare(View s, size_t i, size_t end, const Options& options) {
    const char found = option_letter(s[i], options);
    const char before = i > 0 && i - 1 < end ? s[i - 1] : '\0', after = at(s, i + 1, end);
    if (found == '\0' || letter(before) || digit(before) || before == '\'' || before == '-') return std::nullopt;
    if (letter(after) || digit(after) || (after != '\0' && one_of(after, "'-_/"))) return std::nullopt;
    const size_t j = skip_spaces(s, i + 1, end);
    if (space(after) && letter(at(s, j, end)) && (found == 'A' || found == 'I' || !upper(s[i]))) {
        const Word word = word_at(s, j, end);
        const bool known = found == 'I' ? one_of(word, AFTER_I) : one_of(word, AFTER_A);
        if (!known || s.substr(i, j - i).find('\n') != View::npos) return std::nullopt;
    }
    return choice(i, i + 1, found);
}

Reading letter_at(View s, size_t i, size_t end, const Options& options) {
    return one_of(s[i], "([{") ? enclosed(s, i, end, options) : bare(s, i, end, options);
}

// The position after a conjunction between two letters ("or", ", and", "as well as"), or i if there is none.
size_t joined(View s, size_t i, size_t end) {
    while (i < end) {
        if (one_of(word_at(s, i, end), JOINERS)) i = word_end(s, i, end);
        else if (same(s, i, end, "as well as")) i += 10;
        else if (one_of(s[i], ",;/&+-|\\{}$")) ++i;
        else break;
        i = skip_spaces(s, i, end);
    }
    return i;
}

}  // namespace

Found choice(size_t start, size_t end, char letter) { return {start, end, std::string("choice:") + letter}; }

bool another_letter(const Text& text, const Found& found, size_t end, const Options& options) {
    const View s = text.folded();
    size_t i = skip_spaces(s, found.end, end);
    bool ended = false;
    while (i < end && one_of(s[i], ")*.")) {
        ended |= s[i] == '.';
        i = skip_spaces(s, i + 1, end);
    }
    size_t after = joined(s, i, end);
    const bool adjacent = after == i;
    if (adjacent && ended) return false;
    while (after < end && s[after] == '*') ++after;
    const Reading other = after < end ? letter_at(s, after, end, options) : std::nullopt;
    if (!other || other->key == found.key) return false;
    if (adjacent && !upper(s[after]) && !one_of(s[after], "([{")) return false;
    return !options.says(letter_of(found), text.slice(i, std::min(end, i + OPTION_WINDOW)));
}

Reading head_letter(View s, size_t& i, size_t end, const Options& options) {
    while (i < end) {
        if (Reading found = letter_at(s, i, end, options)) return found;
        if (letter(s[i])) {
            if (!one_of(word_at(s, i, end), FILLERS)) return std::nullopt;
            i = word_end(s, i, end);
        } else if (digit(s[i])) {
            return std::nullopt;
        } else {
            ++i;
        }
    }
    return std::nullopt;
}

// The first "(B)" or "option B" of a sentence.
Reading letter_inside(View s, size_t i, size_t end, const Options& options) {
    while (i < end) {
        if (s[i] == '(' && upper(at(s, i + 1, s.size())))
            if (Reading found = enclosed(s, i, end, options)) return found;
        if (!letter(s[i])) {
            ++i;
            continue;
        }
        const size_t j = word_end(s, i, end), k = skip_spaces(s, j, end);
        const Word word(s, i, j);
        if ((word == "option" || word == "choice") && k < end)
            if (Reading found = letter_at(s, k, end, options)) return found;
        i = j;
    }
    return std::nullopt;
}

Reading last_letter(View s, size_t end, const Options& options) {
    for (size_t i = end; i-- > 0;) {
        if (s[i] == '(' && upper(at(s, i + 1, end))) {
            if (Reading found = enclosed(s, i, end, options)) return found;
        } else if (upper(s[i]) && ((s[i] != 'A' && s[i] != 'I') || !space(at(s, i + 1, end)))) {
            if (Reading found = bare(s, i, end, options)) return found;
        }
    }
    return std::nullopt;
}

}  // namespace lmsi
