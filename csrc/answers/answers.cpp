#include "answers.hpp"

#include <iterator>

namespace lmsi {
namespace {

constexpr View KINDS[] = {"number", "choice", "yes_no", "nli", "span", "date", "text", "math"};
constexpr View RULES[] = {"answer is", "answer:", "heading", "####", "boxed", "last"};

}  // namespace

std::optional<Kind> kind_named(View name) {
    for (size_t i = 0; i < std::size(KINDS); ++i)
        if (KINDS[i] == name) return static_cast<Kind>(i);
    return std::nullopt;
}

View rule_name(Form form) { return RULES[static_cast<size_t>(form)]; }

Reading Reader::worded(size_t a, size_t b, Form form) const {
    Reading found = form == Form::boxed ? Reading(Found{a, b, {}}) : wording(text_.folded(), a, b);
    if (!found || kind_ == Kind::math) return found;
    const View said = text_.slice(found->start, found->end);
    found->key = kind_ == Kind::span ? span_key(said) : text_key(said);
    return found->key.empty() ? std::nullopt : found;
}

Reading Reader::value(size_t a, size_t b, Form form, bool fresh, LastDigit& digits) const {
    const View s = text_.folded();
    switch (kind_) {
    case Kind::number: return number_value(s, a, b, form, fresh, digits);
    case Kind::choice: return choice_value(text_, a, b, options_);
    case Kind::yes_no: return yes_no_value(s, a, b);
    case Kind::nli: return nli_value(s, a, b);
    case Kind::date: return date_value(s, a, b);
    default: return worded(a, b, form);
    }
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

// A number may go on after a full stop or a comma.
bool Reader::touches_end(const Found& found) const {
    const View s = text_.folded();
    const bool mark = kind_ == Kind::number && (at(s, found.end, s.size()) == '.' || at(s, found.end, s.size()) == ',');
    return found.end + mark >= s.size();
}

std::optional<Answer> Reader::read(View text, bool fall_back, bool cut) {
    text_.read(text);
    const View s = text_.folded();
    const size_t end = readable_end(s);
    const auto answer = [this](Reading&& found, Form rule) {
        return Answer{found->start, found->end, text_.slice(found->start, found->end), std::move(found->key), rule};
    };
    LastDigit digits{s.substr(0, end)};
    Triggers triggers(s, end, kind_ == Kind::choice);
    size_t limit = end;
    while (const auto trigger = triggers.next()) {
        const auto [a, b, fresh] = value_region(s, *trigger, limit);
        Reading found = a < b ? value(a, b, trigger->form, fresh, digits) : std::nullopt;
        const bool closed = trigger->form == Form::boxed && b < s.size();
        if (cut && !closed && (found ? touches_end(*found) : b == s.size())) return std::nullopt;
        if (found) return answer(std::move(found), trigger->form);
        limit = trigger->start;
    }
    Reading last = fall_back ? fallback(end) : std::nullopt;
    if (!last || (cut && touches_end(*last))) return std::nullopt;
    return answer(std::move(last), Form::last);
}

std::string Reader::canonical(View answer) {
    text_.read(answer);
    const View s = text_.folded();
    if (kind_ == Kind::span) return span_key(text_.slice(0, s.size()));
    if (kind_ == Kind::text) return text_key(text_.slice(0, s.size()));
    size_t a = 0;
    while (a < s.size() && (space(s[a]) || is_markup(s[a]))) ++a;
    if (a == s.size()) return {};
    LastDigit digits{s};
    Reading found = value(a, s.size(), Form::answer_is, false, digits);
    return found ? std::move(found->key) : std::string();
}

}  // namespace lmsi
