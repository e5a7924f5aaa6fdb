// The options of a question, and how their texts are compared.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View STRIPPED = ".,;:!?\"'()[]{}*$\\`";

View stripped(View word) {
    while (!word.empty() && one_of(word.front(), STRIPPED)) word.remove_prefix(1);
    while (!word.empty() && one_of(word.back(), STRIPPED)) word.remove_suffix(1);
    return word;
}

// The word inside \text{...}; its closing brace may be some words later.
View unwrapped(View word) {
    for (View wrapper : {View("text{"), View("textbf{"), View("textit{"), View("mathrm{"), View("mathbf{"), View("mathsf{"), View("mbox{")})
        if (word.substr(0, wrapper.size()) == wrapper) return stripped(word.substr(wrapper.size()));
    return word;
}

// Lower-case words without outer punctuation, one space apart.
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

// The position in `outer` at which the words of `inner` occur as a sequence, or npos; `at_start`: only at the beginning.
size_t place(View outer, View inner, bool at_start) {
    for (size_t i = inner.empty() ? View::npos : outer.find(inner); i != View::npos && !(at_start && i > 0); i = outer.find(inner, i + 1)) {
        const size_t end = i + inner.size();
        if ((i == 0 || outer[i - 1] == ' ') && (end == outer.size() || outer[end] == ' ')) return i;
    }
    return View::npos;
}

// The words before and after an option's text in a value that contains it.
struct Around {
    View before, after;
    Around(View said, View text) {
        const size_t at = place(said, text, false), end = at + text.size();
        before = said.substr(0, at > 0 ? at - 1 : 0);
        after = end < said.size() ? said.substr(end + 1) : View();
    }
};

// Whether only further options follow an option: "Monsters, Inc" if both words are options.
bool lists(View after, const std::vector<std::string>& texts) {
    for (View rest = after; !rest.empty();) {
        size_t longest = 0;
        for (const std::string& text : texts)
            if (place(rest, text, true) == 0) longest = std::max(longest, text.size());
        if (longest == 0) return false;
        rest.remove_prefix(std::min(longest + 1, rest.size()));
    }
    return !after.empty();
}

}  // namespace

// Articles are kept only if the text has no other words.
std::string matchable(View text) {
    const std::string words = plain(text);
    std::string result = stripped_words(words, false);
    return result.empty() ? stripped_words(words, true) : result;
}

void Options::add(View text) {
    text_.read(text);
    const View s = text_.folded();
    LastDigit digits{s};
    const Reading found = number_value(s, 0, s.size(), Form::answer_is, false, digits);
    numbers_.push_back(found ? found->key : std::string());
    texts_.push_back(matchable(text_.slice(0, s.size())));
    letters_ = std::min<unsigned>(26, letters_ + 1);
}

bool Options::says(char letter, View words) const {
    const auto index = static_cast<size_t>(letter - 'A');
    return given() && index < texts_.size() && place(matchable(words), texts_[index], true) == 0;
}

// The only option whose text equals the value, begins it, or occurs in it. The three tests are tried in this order.
std::optional<size_t> Options::by_text(View value) const {
    const std::string said = matchable(value);
    std::vector<size_t> named;
    for (size_t i = 0; i < texts_.size(); ++i)
        if (texts_[i] == said) named.push_back(i);
    if (!named.empty()) return named.size() == 1 ? std::optional(named[0]) : std::nullopt;
    for (const bool at_start : {true, false}) {
        for (size_t i = 0; i < texts_.size(); ++i) {
            if (place(said, texts_[i], at_start) == View::npos) continue;
            const Around around(said, texts_[i]);
            if (means(texts_[i], around.before, around.after)) named.push_back(i);
        }
        if (named.empty()) continue;
        std::vector<size_t> longest;
        const auto within = [&](size_t i, size_t j) {
            return texts_[i].size() < texts_[j].size() && place(texts_[j], texts_[i], false) != View::npos;
        };
        for (const size_t i : named)
            if (std::ranges::none_of(named, [&](size_t j) { return within(i, j); })) longest.push_back(i);
        if (longest.size() != 1) return std::nullopt;
        const Around around(said, texts_[longest[0]]);
        const bool doubtful = denies(around.before) || refuses(around.after) || lists(around.after, texts_);
        return doubtful ? std::nullopt : std::optional(longest[0]);
    }
    return std::nullopt;
}

std::optional<size_t> Options::by_number(View key) const {
    const auto first = std::find(numbers_.begin(), numbers_.end(), key);
    if (first == numbers_.end() || std::find(first + 1, numbers_.end(), key) != numbers_.end()) return std::nullopt;
    return static_cast<size_t>(first - numbers_.begin());
}

}  // namespace lmsi
