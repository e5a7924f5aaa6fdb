// \boxed{...} and \fbox{...}: the position and content of boxes, and which boxes form a list.
//
// "(a) \boxed{3}, (b) \boxed{5}" is one answer of two parts. Boxes with other words between them are not joined, since a
// later box may replace an earlier one.
#include <algorithm>

#include "triggers.hpp"

namespace lmsi {
namespace {

constexpr View BETWEEN[] = {"and",   "or",   "part", "question", "problem", "case", "first", "second",
                            "third", "text", "mbox", "quad",     "qquad",   "ii",   "iii",   "iv"};
constexpr size_t GAP = 60;     // maximum number of characters between two boxes of a list
constexpr size_t REACH = 400;  // maximum number of characters in a box of a list

// Whether the text between two boxes only joins them: ", ", " and ", "(b) ", ", y = ".
bool joins(View s, size_t a, size_t b) {
    bool named = false;
    for (size_t i = a; i < b;) {
        if (letter(s[i])) {
            const size_t stop = word_end(s, i, b);
            if (stop - i > 1 && !one_of(Word(s, i, stop), BETWEEN)) return false;
            named = true;
            i = stop;
        } else if (digit(s[i]) || space(s[i]) || one_of(s[i], ",;.:&()[]{}$%\\_") || (s[i] == '=' && named)) {
            ++i;
        } else {
            return false;
        }
    }
    return b - a <= GAP;
}

// The start of the box that precedes the box at i in a list, or NONE.
size_t box_before(View s, size_t i) {
    const size_t from = i > REACH + GAP ? i - REACH - GAP : 0;
    const View reach = s.substr(from, i - from);
    const size_t boxed = reach.rfind("\\boxed"), fbox = reach.rfind("\\fbox");
    if (boxed == NONE && fbox == NONE) return NONE;
    const size_t start = from + (boxed == NONE ? fbox : fbox == NONE ? boxed : std::max(boxed, fbox));
    const size_t brace = skip_spaces(s, start + box_name(s, start, i), i);
    const size_t close = at(s, brace, i) == '{' ? closing_brace(s, brace, i) : NONE;
    return close != NONE && joins(s, close + 1, i) ? start : NONE;
}

}  // namespace

size_t box_name(View s, size_t i, size_t end) {
    const size_t width = starts(s, i, end, "\\boxed") ? 6 : starts(s, i, end, "\\fbox") ? 5 : 0;
    return letter(at(s, i + width, end)) ? 0 : width;
}

size_t closing_brace(View s, size_t i, size_t end) {
    long depth = 0;
    for (; i < end; ++i) {
        depth += (s[i] == '{') - (s[i] == '}');
        if (depth == 0) return i;
    }
    return NONE;
}

size_t list_start(View s, size_t i) {
    for (size_t before = box_before(s, i); before != NONE; before = box_before(s, i)) i = before;
    return i;
}

std::vector<Stretch> contents(View s, size_t i, size_t end) {
    std::vector<Stretch> found;
    while (i < end) {
        const size_t brace = s[i] == '\\' ? skip_spaces(s, i + box_name(s, i, end), end) : i;
        const size_t close = brace > i && at(s, brace, end) == '{' ? closing_brace(s, brace, end) : NONE;
        if (close != NONE) found.push_back({brace + 1, close});
        i = (close == NONE ? i : close) + 1;
    }
    return found;
}

}  // namespace lmsi
