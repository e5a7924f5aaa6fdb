// Which option an announced value names: by letter, by the option's text, or by its number.
//
// The article "a", the pronoun "I" and "none of the above" are never letters; two letters at once name nothing.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr size_t WINDOW = 2000;  // characters searched for an option's text: an announced value is short
constexpr View STRIPPED = ".,;:!?\"'()[]{}*$\\`";
constexpr View FILLERS[] = {
    "option", "choice", "letter", "answer", "the",    "correct", "is",     "most",   "likely", "definitely", "clearly", "best",
    "probably", "therefore", "thus", "so",  "text",   "textbf",  "textit", "mathrm", "mathbf", "mathsf",     "boxed",   "fbox",
    "be",     "indeed", "actually",
};
constexpr View AFTER_A[] = {"because", "since", "as", "is", "which", "and", "or", "with", "for", "based", "but", "due", "if"};
constexpr View AFTER_I[] = {"because", "since", "is"};

View stripped(View word) {
    while (!word.empty() && one_of(word.front(), STRIPPED)) word.remove_prefix(1);
    while (!word.empty() && one_of(word.back(), STRIPPED)) word.remove_suffix(1);
    return word;
}

// The word inside \text{...}, whose braces may close some words later.
View unwrapped(View word) {
    for (View wrapper : {View("text{"), View("textbf{"), View("textit{"), View("mathrm{"), View("mathbf{"), View("mathsf{"), View("mbox{")})
        if (word.substr(0, wrapper.size()) == wrapper) return stripped(word.substr(wrapper.size()));
    return word;
}

// Lower case words without outer punctuation, one space apart.
std::string stripped_words(View words, bool articles) {
    std::string result;
    for (size_t i = 0; i < words.size();) {
        const size_t stop = std::min(words.find(' ', i), words.size());
        const View word = unwrapped(stripped(words.substr(i, stop - i)));
        i = stop + 1;
        if (word.empty() || (!articles && (word == "a" || word == "an" || word == "the"))) continue;
        if (!result.empty()) result += ' ';
        result.append(word);
    }
    return result;
}

// How option texts are compared: without articles, unless nothing else is left.
std::string matchable(View text) {
    const std::string words = plain(text);
    std::string result = stripped_words(words, false);
    return result.empty() ? stripped_words(words, true) : result;
}

// Whether the words of `inner` are found in a row among those of `outer`, at its beginning if asked.
bool says(const std::string& outer, const std::string& inner, bool at_start) {
    if (inner.empty()) return false;
    for (size_t i = 0; (i = outer.find(inner, i)) != std::string::npos; ++i) {
        const size_t end = i + inner.size();
        if ((i == 0 || outer[i - 1] == ' ') && (end == outer.size() || outer[end] == ' ')) return true;
        if (at_start) return false;
    }
    return false;
}

char option_letter(char c, const Options& options) {
    const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return capital >= 'A' && capital < 'A' + static_cast<int>(options.letters()) ? capital : '\0';
}

Found choice(size_t start, size_t end, char letter) { return {start, end, std::string("choice:") + letter}; }

// (B), [B], {B}.
Reading enclosed(View s, size_t i, size_t end, const Options& options) {
    const char closing = s[i] == '(' ? ')' : s[i] == '[' ? ']' : '}';
    const size_t j = skip_spaces(s, i + 1, std::min(end, i + 2));
    const char found = option_letter(at(s, j, end), options);
    const size_t k = skip_spaces(s, j + 1, std::min(end, j + 2));
    if (found == '\0' || at(s, k, end) != closing) return std::nullopt;
    return choice(i, k + 1, found);
}

// B, B., B) and the like; what follows tells a letter from an article, a pronoun or a word.
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

// Whether a second letter is named beside the first: "A or B", "(A) and (C)", "A, B".
bool another(View s, const Found& found, size_t end, const Options& options) {
    size_t i = skip_spaces(s, found.end, end);
    while (i < end && one_of(s[i], ")*.")) i = skip_spaces(s, i + 1, end);
    const Word word = word_at(s, i, end);
    if (at(s, i, end) == ',' || at(s, i, end) == '/' || at(s, i, end) == '&') i = skip_spaces(s, i + 1, end);
    else if (word == "or" || word == "and") i = skip_spaces(s, word_end(s, i, end), end);
    else return false;
    while (i < end && s[i] == '*') ++i;
    const Reading other = i < end ? letter_at(s, i, end, options) : std::nullopt;
    return other && other->key != found.key;
}

// The letter that a value begins with, after "option", markup and the like; `i` moves to where the value begins.
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
Reading inside(View s, size_t i, size_t end, const Options& options) {
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

char option_name(size_t index) { return static_cast<char>('A' + index); }

Reading by_text(const Text& text, size_t a, size_t stop, size_t b, const Options& options) {
    auto option = options.by_text(text.slice(a, std::min(stop, a + WINDOW)));
    if (!option && stop < b) option = options.by_text(text.slice(a, std::min(b, a + WINDOW)));
    if (!option || *option >= 26) return std::nullopt;
    return choice(a, stop, option_name(*option));
}

}  // namespace

void Options::add(View text) {
    Text number;
    number.read(text);
    LastDigit digits{number.folded()};
    const Reading found = number_value(number.folded(), 0, number.folded().size(), Form::answer_is, false, digits);
    numbers_.push_back(found ? found->key : std::string());
    texts_.push_back(matchable(number.slice(0, number.folded().size())));
    letters_ = std::min<unsigned>(26, letters_ + 1);
}

// The one option that a value says: exactly, as its beginning, or somewhere inside.
std::optional<size_t> Options::by_text(View value) const {
    const std::string said = matchable(value);
    const auto only = [](const std::vector<size_t>& found) { return found.size() == 1 ? std::optional(found[0]) : std::nullopt; };
    std::vector<size_t> named;
    for (size_t i = 0; i < texts_.size(); ++i)
        if (texts_[i] == said) named.push_back(i);
    if (!named.empty()) return only(named);
    for (const bool at_start : {true, false}) {
        for (size_t i = 0; i < texts_.size(); ++i)
            if (says(said, texts_[i], at_start)) named.push_back(i);
        if (named.empty()) continue;
        std::vector<size_t> longest;
        for (const size_t i : named)
            if (std::none_of(named.begin(), named.end(), [&](size_t j) { return texts_[j].size() > texts_[i].size() && says(texts_[j], texts_[i], false); }))
                longest.push_back(i);
        return only(longest);
    }
    return std::nullopt;
}

std::optional<size_t> Options::by_number(View key) const {
    const auto first = std::find(numbers_.begin(), numbers_.end(), key);
    if (first == numbers_.end() || std::find(first + 1, numbers_.end(), key) != numbers_.end()) return std::nullopt;
    return static_cast<size_t>(first - numbers_.begin());
}

Reading choice_value(const Text& text, size_t a, size_t b, const Options& options) {
    const View s = text.folded();
    if (word_at(s, a, b) == "not") return std::nullopt;
    size_t i = a;
    if (Reading found = head_letter(s, i, b, options)) return another(s, *found, b, options) ? std::nullopt : found;
    const size_t stop = sentence_end(s, i, b);
    if (options.given())
        if (Reading found = by_text(text, a, stop, b, options)) return found;
    Reading found = inside(s, i, stop, options);
    if (found || !options.given()) return found;
    LastDigit digits{s};
    const Reading number = number_value(s, a, stop, Form::answer_is, false, digits);
    const auto option = number ? options.by_number(number->key) : std::nullopt;
    if (!option || *option >= 26) return std::nullopt;
    return choice(number->start, number->end, option_name(*option));
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
