// Finds the range of an announced value: the rest of the line, or the first non-empty line, without the label of a list
// item ("1. 18", "Part 1: 18"). A list of several items is unparsable.
#include <algorithm>

#include "triggers.hpp"

namespace lmsi {
namespace {

constexpr View LABELS[] = {"part", "question", "problem", "exercise", "example", "item",  "case",
                           "task", "step",     "round",   "day",      "week",    "month", "year"};

struct Content {
    size_t begin;
    bool fresh;  // begins on a new line
};

// The first character of the value, after markup.
Content content(View s, const Trigger& trigger) {
    size_t i = trigger.value;
    bool fresh = false;
    for (; i < trigger.stop; ++i) {
        const char c = s[i], following = at(s, i + 1, trigger.stop);
        if (c == '\n') {
            if (trigger.form == Form::hashes) break;
            fresh = true;
        } else if ((c == '$' && following == '$') || (c == '\\' && (following == '[' || following == '('))) {
            ++i;
        } else if (!space(c) && !is_markup(c)) {
            break;
        }
    }
    return {i, fresh};
}

// The end of the line, or the closing tag in it: </answer>, [/ANSWER].
size_t line_end(View s, size_t i, size_t stop) {
    if (i >= stop) return i;
    const View line = s.substr(0, std::min(s.substr(0, stop).find('\n', i), stop));
    for (size_t slash = line.find('/', i + 1); slash != View::npos; slash = line.find('/', slash + 1))
        if (one_of(s[slash - 1], "<[") && letter(at(s, slash + 1, stop))) return slash - 1;
    return line.size();
}

// Whether the rest of a line is only a number in digits.
bool lone_number(View s, size_t i, size_t end) {
    while (i < end && (space(s[i]) || one_of(s[i], "*$-"))) ++i;
    const size_t j = digit_run(s, i, end);
    if (j == i) return false;
    const View rest = s.substr(j, end - j);
    return std::ranges::all_of(rest, [](char c) { return digit(c) || space(c) || one_of(c, ".,*$%"); });
}

// Whether s[i, end) contains a second list item, or the next non-empty line begins with one.
bool another_item(View s, size_t i, size_t end, size_t stop) {
    for (size_t k = i + 1; k < end; ++k)
        if (space(s[k - 1]) && label_end(s, k, end, true) > k) return true;
    for (i = end; i < stop && (space(s[i]) || is_markup(s[i]));) ++i;
    return label_end(s, i, line_end(s, i, stop), true) > i;
}

}  // namespace

bool is_markup(char c) {
    switch (c) {
    case '*':
    case '`':
    case '"':
    case ':':
    case '#':
    case '_':
    case IGNORED: return true;
    default: return false;
    }
}

size_t label_end(View s, size_t i, size_t end, bool opens) {
    const char c = at(s, i, end);
    if (!digit(c) && !letter(c) && c != '(') return i;
    const bool word = letter(c);
    size_t j = word ? skip_spaces(s, word_end(s, i, end), end) : i;
    const bool bracket = at(s, j, end) == '(';
    j += bracket;
    const size_t k = digit_run(s, j, std::min(end, j + 3));
    if (k <= j || k - j > 2 || (word && !one_of(word_at(s, i, end), LABELS))) return i;
    const char mark = at(s, k, end);
    const size_t value = skip_spaces(s, k + 1, end);
    if (value == k + 1 || value == end || (mark != '.' && mark != ')' && mark != ':')) return i;
    const bool sure = opens || mark == ')' || (mark == '.' ? lone_number(s, value, end) : word);
    return sure && (mark == ')' || !bracket) ? value : i;
}

Region value_region(View s, const Trigger& trigger) {
    const auto [i, fresh] = content(s, trigger);
    if (trigger.form == Form::boxed || trigger.form == Form::boxes) return {i, trigger.stop, false};
    const size_t end = line_end(s, i, trigger.stop);
    size_t value = label_end(s, i, end, fresh || trigger.form == Form::hashes);
    if (value == i) return {i, end, false};
    if (another_item(s, value, end, trigger.stop)) return {end, end, true};
    while (value < end && (space(s[value]) || is_markup(s[value]))) ++value;
    return {value, end, true};
}

}  // namespace lmsi
