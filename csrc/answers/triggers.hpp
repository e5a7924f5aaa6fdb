// Finds where a completion announces an answer: by words (announcements.cpp), by #### or in a box (triggers.cpp,
// boxes.cpp).
//
// A completion is parsed up to an invented next question, and triggers are visited from the last to the first. The
// searches for the question and for the triggers scan text in blocks that the compiler vectorises, so long texts are
// processed at the speed of memory.
#pragma once

#include <optional>
#include <vector>

#include "text.hpp"

namespace lmsi {

// `boxes`: a list of several boxes; `last`: the fallback for a text without an announcement
enum class Form : uint8_t { answer_is, answer_colon, heading, hashes, boxed, boxes, tag, is_the_answer, last };

struct Trigger {
    size_t value, stop;  // the start and the latest end of the value
    Form form;
};
using MaybeTrigger = std::optional<Trigger>;

// The values that the words at a position announce: one before them ("(B) is the correct answer"), one after them, or
// both.
struct Announcement {
    MaybeTrigger before, after;
};

bool same(View s, size_t i, size_t end, View word);            // case-insensitive, `word` in lower case
Announcement answer_announces(View s, size_t i, size_t end);   // "answer" at i
Announcement option_announces(View s, size_t i, size_t end);   // "option" or "choice" at i
Announcement correct_announces(View s, size_t i, size_t end);  // "correct" at i

struct Stretch {
    size_t begin, end;
};
constexpr size_t NONE = View::npos;
size_t box_name(View s, size_t i, size_t end);               // the width of "\boxed" or "\fbox" at i, or 0
size_t closing_brace(View s, size_t i, size_t end);          // the position of the brace that closes the one at i, or NONE
size_t list_start(View s, size_t i);                         // the start of the list of boxes that ends with the box at i
std::vector<Stretch> contents(View s, size_t i, size_t end);  // the contents of the boxes in s[i, end)

// The end of the model's answer to its own question: the position of an invented question or an end mark, or s.size().
size_t readable_end(View s);

class Triggers {
public:
    // `options`: also find announcements of an option, such as "the correct option is".
    Triggers(View s, size_t end, bool options) : s_(s), end_(end), limit_(end), i_(end > 0 ? end - 1 : 0), options_(options) {}
    // The last trigger before those already returned. Its value ends at the latest where the next trigger begins.
    MaybeTrigger next();

private:
    MaybeTrigger take(size_t start, Announcement found);
    MaybeTrigger match(size_t i);

    View s_;
    size_t end_, limit_, i_;  // i_: the second letter of the next pair to test
    bool options_;
    MaybeTrigger pending_;
};

struct Region {
    size_t begin, end;
    bool labelled;  // the label of a list item was skipped
};
// The range of the value: the rest of the line, or the first non-empty line.
Region value_region(View s, const Trigger& trigger);
// The start of the value after the label of a list item ("1. ", "(1) ", "Part 1: "), or i if there is no label.
// `opens`: the label begins a line.
size_t label_end(View s, size_t i, size_t end, bool opens);
bool is_markup(char c);

}  // namespace lmsi
