// Where in a completion an answer is announced: by words (announcements.cpp), by #### or in a box (triggers.cpp, boxes.cpp).
//
// A completion is read up to the next invented question; triggers are visited from the last to the first. Both searches
// pass over text in blocks that the compiler turns into vector instructions, so that long texts cost memory speed.
#pragma once

#include <optional>
#include <vector>

#include "text.hpp"

namespace lmsi {

// `boxes`: a list of several; `last`: announced by nothing.
enum class Form : uint8_t { answer_is, answer_colon, heading, hashes, boxed, boxes, tag, is_the_answer, last };

struct Trigger {
    size_t value, stop;  // where its value begins, and where it ends at the latest
    Form form;
};
using MaybeTrigger = std::optional<Trigger>;

// What a place announces: a value that stands before it ("(B) is the correct answer"), and one behind it.
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
size_t closing_brace(View s, size_t i, size_t end);          // where the brace that opens at i is closed, or NONE
size_t list_start(View s, size_t i);                         // where the list of boxes begins that the box at i ends
std::vector<Stretch> contents(View s, size_t i, size_t end);  // what the boxes of s[i, end) hold

// The end of the text that is the model's answer to its question.
size_t readable_end(View s);

class Triggers {
public:
    // `options` adds "the correct option is".
    Triggers(View s, size_t end, bool options) : s_(s), end_(end), limit_(end), i_(end > 0 ? end - 1 : 0), options_(options) {}
    // The trigger before those already seen. Its value ends where the next one begins, at the latest.
    MaybeTrigger next();

private:
    MaybeTrigger take(size_t start, Announcement found);
    MaybeTrigger match(size_t i);

    View s_;
    size_t end_, limit_, i_;  // i_: behind the next pair of letters to look at
    bool options_;
    MaybeTrigger pending_;
};

struct Region {
    size_t begin, end;
    bool labelled;  // the label of a list item was skipped
};
// The stretch that holds the value: the rest of the line, or the first line with content.
Region value_region(View s, const Trigger& trigger);
// Where the value behind the label of a list item begins, or i: "1. ", "(1) ", "Part 1: ". `opens`: it opens a line.
size_t label_end(View s, size_t i, size_t end, bool opens);
bool is_markup(char c);

}  // namespace lmsi
