// The factors after a magnitude: 2^3, 10⁶, 1.5 x 10^6, 1.5 million, 5 hundred thousand.
#include <algorithm>
#include <utility>

#include "numbers.hpp"

namespace lmsi {
namespace {

constexpr size_t EXPONENT_DIGITS = 15;

struct Scale {
    View word;
    int power;
};
constexpr Scale SCALES[] = {{"hundred", 2}, {"hundreds", 2}, {"thousand", 3},  {"thousands", 3}, {"lakh", 5},
                            {"lakhs", 5},   {"million", 6},  {"millions", 6},  {"crore", 7},     {"crores", 7},
                            {"billion", 9}, {"billions", 9}, {"trillion", 12}, {"trillions", 12}};

// Raised digits, perhaps with a raised minus before them.
std::optional<Integer> raised_integer(View s, size_t i, size_t end) {
    const bool negative = at(s, i, end) == RAISED_MINUS;
    size_t j = i += negative;
    int64_t value = 0;
    for (; j < end && raised(s[j]); ++j)
        if (j - i < EXPONENT_DIGITS) value = value * 10 + (static_cast<unsigned char>(s[j]) - static_cast<unsigned char>(RAISED_ZERO));
    if (j == i || j - i > EXPONENT_DIGITS) return std::nullopt;
    return Integer{j, negative ? -value : value};
}

// The width of a multiplication sign at i, or 0.
size_t times_sign(View s, size_t i, size_t end) {
    switch (at(s, i, end)) {
    case 'x':
    case 'X':
    case '*':
    case TIMES:
    case DOT: return 1;
    case '\\': return starts(s, i, end, "\\times") ? 6 : starts(s, i, end, "\\cdot") ? 5 : 0;
    default: return 0;
    }
}

// The exponent at i: ^3, ^-3, ^{3}, or raised digits.
std::optional<Integer> exponent(View s, size_t i, size_t end) {
    const char c = at(s, i, end);
    if (raised(c) || c == RAISED_MINUS) return raised_integer(s, i, end);
    if (c != '^') return std::nullopt;
    const bool braced = at(s, i + 1, end) == '{';
    auto found = integer(s, i + 1 + braced, end);
    if (!found || !braced) return found;
    if (at(s, found->end, end) != '}') return std::nullopt;
    ++found->end;
    return found;
}

}  // namespace

std::optional<Integer> integer(View s, size_t i, size_t end) {
    const bool negative = at(s, i, end) == '-';
    i += negative || at(s, i, end) == '+';
    const size_t j = digit_run(s, i, end);
    if (j == i || j - i > EXPONENT_DIGITS) return std::nullopt;
    int64_t value = 0;
    for (; i < j; ++i) value = value * 10 + (s[i] - '0');
    return Integer{j, negative ? -value : value};
}

Magnitude power(View s, size_t j, size_t end, Value value) {
    if (const auto found = exponent(s, j, end)) return {found->end, value.powered(found->value)};
    size_t k = skip_spaces(s, j, end);
    const size_t sign = times_sign(s, k, end);
    if (sign == 0) return {j, std::move(value)};
    k = skip_spaces(s, k + sign, end);
    if (starts(s, k, end, "10"))
        if (const auto found = exponent(s, k + 2, end)) return {found->end, value.shifted(found->value)};
    return {j, std::move(value)};
}

bool is_scale(View word) {
    return std::any_of(std::begin(SCALES), std::end(SCALES), [word](const Scale& known) { return known.word == word; });
}

void scale(View s, size_t end, Magnitude& number) {
    while (number.value) {
        const size_t after = number.end + (at(s, number.end, end) == '$');  // $1.5$ million
        const size_t k = skip_spaces(s, after, std::min(end, after + 2));
        if (k == number.end) return;
        const size_t stop = word_end(s, k, end);
        const Word word(s, k, stop);
        const auto* known = std::find_if(std::begin(SCALES), std::end(SCALES), [&](const Scale& x) { return word == x.word; });
        if (known == std::end(SCALES)) return;
        number = {stop, number.value.shifted(known->power), number.negative};
    }
}

}  // namespace lmsi
