// Finds the option that an announced value names: by letter, by the option's text, or by its number.
//
// Two letters at once do not name an option, and neither does a negated option ("it is not green").
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr size_t REFUSAL = 40;  // number of characters after a letter that are searched for a negation

Reading by_text(const Text& text, size_t a, size_t stop, size_t b, const Options& options) {
    auto option = options.by_text(text.slice(a, std::min(stop, a + OPTION_WINDOW)));
    if (!option && stop < b) option = options.by_text(text.slice(a, std::min(b, a + OPTION_WINDOW)));
    if (!option || *option >= 26) return std::nullopt;
    return choice(a, stop, static_cast<char>('A' + *option));
}

// Whether neither the words before a letter nor the words directly after it negate it.
bool affirmed(const Text& text, size_t a, const Found& found, size_t end, const Options& options) {
    const View s = text.folded();
    if (found.start > a && denies(matchable(text.slice(a, found.start)))) return false;
    size_t i = skip_spaces(s, found.end, end);
    while (i < end && one_of(s[i], ")*")) i = skip_spaces(s, i + 1, end);
    if (i >= end || !letter(s[i]) || !refuses(matchable(text.slice(i, std::min(s.size(), i + REFUSAL))))) return true;
    return options.says(letter_of(found), text.slice(i, std::min(end, i + OPTION_WINDOW)));
}

}  // namespace

Reading choice_value(const Text& text, size_t a, size_t b, const Options& options) {
    const View s = text.folded();
    size_t i = a;
    Reading found = head_letter(s, i, b, options);
    const size_t stop = sentence_end(s, i, b);
    if (!found && options.given())
        if (Reading said = by_text(text, a, stop, b, options)) return said;
    if (!found) found = letter_inside(s, i, stop, options);
    if (found) return another_letter(text, *found, b, options) || !affirmed(text, a, *found, b, options) ? std::nullopt : found;
    if (!options.given()) return std::nullopt;
    LastDigit digits{s};
    const Reading number = number_value(s, a, stop, Form::answer_is, false, digits);
    const auto option = number ? options.by_number(number->key) : std::nullopt;
    if (!option || *option >= 26) return std::nullopt;
    found = choice(number->start, number->end, static_cast<char>('A' + *option));
    return affirmed(text, a, *found, b, options) ? found : std::nullopt;
}

}  // namespace lmsi
