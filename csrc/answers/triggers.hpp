// Where in a completion an answer is announced: "answer is", "Answer:", a heading, ####, \boxed{}.
//
// A completion is read up to the next invented question; triggers are visited from the last to the first. Both searches
// pass over text in blocks that the compiler turns into vector instructions, so that long texts cost memory speed.
#pragma once

#include <optional>

#include "text.hpp"

namespace lmsi {

enum class Form : uint8_t { answer_is, answer_colon, heading, hashes, boxed, last };

struct Trigger {
    size_t start, value, stop;
    Form form;
};

struct Region {
    size_t begin, end;
    bool fresh;  // it opens a new line
};

// The end of the text that is the model's answer to its question.
size_t readable_end(View s);

class Triggers {
public:
    // `options` adds "the correct option is".
    Triggers(View s, size_t end, bool options) : s_(s), end_(end), limit_(end), i_(end > 0 ? end - 1 : 0), options_(options) {}
    // The trigger before those already seen.
    std::optional<Trigger> next();

private:
    std::optional<Trigger> match(size_t i) const;

    View s_;
    size_t end_, limit_, i_;  // i_: behind the next pair of letters to look at
    bool options_;
};

// The stretch that holds the value: the rest of the line, or the first line with content, up to `limit`.
Region value_region(View s, const Trigger& trigger, size_t limit);
bool is_markup(char c);

}  // namespace lmsi
