#include "answers.hpp"

#include <algorithm>
#include <iterator>

namespace lmsi {
namespace {

constexpr View KINDS[] = {"number", "choice", "yes_no", "nli", "span", "date", "text", "math"};
constexpr View RULES[] = {"answer is", "answer:", "heading", "####", "boxed", "boxed", "<answer>", "is the answer", "last"};

}  // namespace

std::optional<Kind> kind_named(View name) {
    for (size_t i = 0; i < std::size(KINDS); ++i)
        if (KINDS[i] == name) return static_cast<Kind>(i);
    return std::nullopt;
}

View rule_name(Form form) { return RULES[static_cast<size_t>(form)]; }

std::string Reader::wording_key(View said) const { return kind_ == Kind::span ? span_key(said, comma_) : text_key(said); }

// An answer in words: the whole box, or otherwise the first sentence.
Reading Reader::worded(size_t a, size_t b, Form form) const {
    Reading found = form == Form::boxed ? Reading(Found{a, b, {}}) : wording(text_.folded(), a, b);
    if (!found || kind_ == Kind::math) return found;
    found->key = wording_key(text_.slice(found->start, found->end));
    return found->key.empty() ? std::nullopt : found;
}

Reading Reader::value(size_t a, size_t b, Form form, bool labelled, LastDigit& digits) const {
    if (form == Form::boxes) return boxes(a, b, digits);
    const View s = text_.folded();
    if (kind_ == Kind::number) return number_value(s, a, b, form, labelled, digits);
    if (kind_ == Kind::choice) return choice_value(text_, a, b, options_);
    if (form == Form::is_the_answer) return std::nullopt;
    switch (kind_) {
    case Kind::yes_no: return yes_no_value(s, a, b);
    case Kind::nli: return nli_value(s, a, b);
    case Kind::date: return date_value(s, a, b);
    default: return worded(a, b, form);
    }
}

// The answer of a list of boxes: the list, if the kind has lists, or the answer that all boxes share.
Reading Reader::boxes(size_t begin, size_t end, LastDigit& digits) const {
    if (kind_ == Kind::math) return Found{begin, end, {}};
    std::vector<std::string> keys;
    for (const auto [a, b] : contents(text_.folded(), begin, end)) {
        Reading found = a < b ? value(a, b, Form::boxed, false, digits) : std::nullopt;
        if (!found) return std::nullopt;
        keys.push_back(std::move(found->key));
    }
    const bool one = std::ranges::all_of(keys, [&](const std::string& key) { return key == keys[0]; });
    if (keys.empty() || (!one && kind_ != Kind::span)) return std::nullopt;
    return Found{begin, end, one ? std::move(keys[0]) : joined_spans(std::move(keys))};
}

Reading Reader::fallback(size_t end) const {
    const View s = text_.folded();
    switch (kind_) {
    case Kind::number: return last_number(s, end);
    case Kind::choice: return last_letter(s, end, options_);
    case Kind::yes_no: return last_yes_no(s, end);
    case Kind::nli: return last_nli(s, end);
    default: return std::nullopt;
    }
}

// A number may continue after a full stop or a comma.
bool Reader::touches_end(const Found& found) const {
    const View s = text_.folded();
    const bool mark = kind_ == Kind::number && (at(s, found.end, s.size()) == '.' || at(s, found.end, s.size()) == ',');
    return found.end + mark >= s.size();
}

std::optional<Answer> Reader::read(View text, bool fall_back, bool cut) {
    text_.read(text);
    const View s = text_.folded();
    const size_t end = readable_end(s);
    LastDigit digits{s.substr(0, end)};
    Triggers triggers(s, end, kind_ == Kind::choice);
    const auto answer = [this](Reading&& found, Form rule) {
        return Answer{found->start, found->end, text_.slice(found->start, found->end), std::move(found->key), rule};
    };
    while (const auto trigger = triggers.next()) {
        const Form form = trigger->form;
        const auto [a, b, labelled] = value_region(s, *trigger);
        Reading found = a < b ? value(a, b, form, labelled, digits) : std::nullopt;
        const bool closed = (form == Form::boxed || form == Form::boxes) && b < s.size();
        if (cut && !closed && (found ? touches_end(*found) : b == s.size())) return std::nullopt;
        if (found) return answer(std::move(found), form);
        if (form == Form::boxes) return std::nullopt;
    }
    Reading last = fall_back ? fallback(end) : std::nullopt;
    if (!last || (cut && touches_end(*last))) return std::nullopt;
    return answer(std::move(last), Form::last);
}

std::string Reader::canonical(View answer) {
    text_.read(answer);
    const View s = text_.folded();
    if (kind_ == Kind::span || kind_ == Kind::text) return wording_key(text_.slice(0, s.size()));
    size_t a = 0;
    while (a < s.size() && (space(s[a]) || is_markup(s[a]))) ++a;
    a = label_end(s, a, s.size(), false);
    if (a == s.size()) return {};
    LastDigit digits{s};
    Reading found = value(a, s.size(), Form::answer_is, false, digits);
    return found ? std::move(found->key) : std::string();
}

}  // namespace lmsi
