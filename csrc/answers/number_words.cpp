// Numbers in words: twenty-one, one hundred and five, two thirds, three and a half.
#include <algorithm>

#include "numbers.hpp"

namespace lmsi {
namespace {

struct Named {
    View word;
    uint64_t value;
};
constexpr Named SMALL[] = {{"zero", 0},     {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},
                           {"five", 5},     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},
                           {"ten", 10},     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},
                           {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19}};
constexpr Named TENS[] = {{"twenty", 20}, {"thirty", 30},  {"forty", 40},  {"fifty", 50},
                          {"sixty", 60},  {"seventy", 70}, {"eighty", 80}, {"ninety", 90}};
constexpr Named SCALES[] = {{"thousand", 1000}, {"million", 1'000'000}, {"billion", 1'000'000'000}, {"trillion", 1'000'000'000'000}};
constexpr Named PARTS[] = {{"half", 2},    {"halves", 2},  {"third", 3},  {"thirds", 3}, {"quarter", 4}, {"quarters", 4}, {"fourth", 4},
                           {"fourths", 4}, {"fifth", 5},   {"fifths", 5}, {"sixth", 6},  {"sixths", 6},  {"seventh", 7},  {"sevenths", 7},
                           {"eighth", 8},  {"eighths", 8}, {"ninth", 9},  {"ninths", 9}, {"tenth", 10},  {"tenths", 10}};

template <size_t N> std::optional<uint64_t> value_of(View word, const Named (&names)[N]) {
    for (const Named& name : names)
        if (name.word == word) return name.value;
    return std::nullopt;
}

struct Span {
    size_t begin, end;
};

// The word that continues a number after a hyphen or spaces.
Span next_word(View s, size_t i, size_t end) {
    const size_t j = at(s, i, end) == '-' ? i + 1 : skip_spaces(s, i, end);
    return {j, word_end(s, j, end)};
}

struct State {
    uint64_t total = 0, current = 0, last = 0;  // last: the value of the previous word, by which "five five" is two numbers
};

// Adds a word to the number; returns false if the word does not continue the number.
bool step(View word, State& state) {
    const bool fresh = state.last >= 100 || state.last == 0;
    if (const auto value = value_of(word, SMALL)) {
        if (!fresh && !(state.last >= 20 && *value > 0 && *value < 10)) return false;
        state = {state.total, state.current + *value, std::max<uint64_t>(*value, 1)};
        return true;
    }
    if (const auto value = value_of(word, TENS)) {
        if (fresh) state = {state.total, state.current + *value, *value};
        return fresh;
    }
    if (word == "hundred") {
        const bool fits = state.current > 0 && state.current < 100;
        if (fits) state = {state.total, state.current * 100, 100};
        return fits;
    }
    const auto size = value_of(word, SCALES);
    if (!size || state.current == 0 || (state.total != 0 && state.total % (1000 * *size) != 0)) return false;
    state = {state.total + state.current * *size, 0, *size};
    return true;
}

// Parses the integer in words at i; returns its end, or 0 if there is no integer.
size_t whole(View s, size_t i, size_t end, State& state) {
    size_t j = word_end(s, i, end);
    const Word word = word_at(s, i, end);
    if (word == "a" || word == "an") {  // a hundred, a million
        const Span next = next_word(s, j, end);
        state = {0, 1, 1};
        if (!step(Word(s, next.begin, next.end), state)) return 0;
        j = next.end;
    } else if (!step(word, state)) {
        return 0;
    }
    for (;;) {
        Span next = next_word(s, j, end);
        if (state.last >= 100 && Word(s, next.begin, next.end) == "and") {
            next = next_word(s, next.end, end);
            const Word after(s, next.begin, next.end);
            if (!value_of(after, SMALL) && !value_of(after, TENS)) return j;
        }
        if (next.begin == next.end || !step(Word(s, next.begin, next.end), state)) return j;
        j = next.end;
    }
}

}  // namespace

std::optional<SpelledNumber> number_words(View s, size_t i, size_t end) {
    end = std::min(end, i + 200);  // no number in words is longer, and the limit keeps parsing linear
    State state;
    const size_t j = whole(s, i, end, state);
    if (j == 0) {
        if (word_at(s, i, end) == "half") return SpelledNumber{word_end(s, i, end), Value::fraction(1, 2)};
        return std::nullopt;
    }
    const uint64_t value = state.total + state.current;
    const Span next = next_word(s, j, end);
    const Word word(s, next.begin, next.end);
    const auto part = value_of(word, PARTS);
    if (part && value > 0) return SpelledNumber{next.end, Value::fraction(value, *part)};
    if (word == "and")
        if (const size_t half = and_a_half(s, next.end, end)) return SpelledNumber{half, Value::fraction(2 * value + 1, 2)};
    return SpelledNumber{j, Value::integer(value)};
}

bool is_part(View word) { return value_of(word, PARTS).has_value(); }

size_t and_a_half(View s, size_t i, size_t end) {
    for (View tail : {View(" a half"), View(" one half"), View(" one-half")})
        if (starts(s, i, end, tail) && !letter(at(s, i + tail.size(), end))) return i + tail.size();
    return 0;
}

}  // namespace lmsi
