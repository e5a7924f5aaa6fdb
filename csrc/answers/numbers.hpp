// Numbers as people and models write them, parsed exactly and in one pass over a folded text.
//
// numbers.cpp parses the magnitude at a position (separators, decimals, fractions, mixed numbers, ratios), and
// powers.cpp parses the factors after it (exponents, powers of ten, scale words). tokens.cpp finds every number in a
// range with its sign, currency sign and percent sign. number_words.cpp parses numbers in words. compounds.cpp and
// expressions.cpp test whether a number is only part of something larger. number_answers.cpp decides which number is
// the answer.
#pragma once

#include <optional>

#include "text.hpp"
#include "values.hpp"

namespace lmsi {

struct Magnitude {
    size_t end;
    Value value;  // empty if the number is unparsable
    bool negative = false;
};

size_t at_frac(View s, size_t i, size_t end);  // the position after \frac, \dfrac or \tfrac, or 0
bool is_vulgar(char c);                        // a fraction in one character
Magnitude magnitude(View s, size_t i, size_t end);

struct Integer {
    size_t end;
    int64_t value;
};
// A signed integer that is short enough to be an exponent.
std::optional<Integer> integer(View s, size_t i, size_t end);
// Applies the factor or exponent after the decimal that ends at j: x 10^k, ^k or a raised k.
Magnitude power(View s, size_t j, size_t end, Value value);
bool is_scale(View word);                           // million, thousand
void scale(View s, size_t end, Magnitude& number);  // multiplies by the scale words after the number

struct Token {
    size_t start, magnitude, end;
    Value value;
    bool negative;
};

inline constexpr View CURRENCY_SIGNS = "$\xa2\xa3\xa4\xa5";

// The numbers of s[first:end], left to right; an unparsable one has no value.
class Tokens {
public:
    Tokens(View s, size_t first, size_t end) : s_(s), first_(first), end_(end), i_(first) {}
    std::optional<Token> next();

private:
    View s_;
    size_t first_, end_, i_;
};

inline std::optional<Token> first_token(View s, size_t first, size_t end) { return Tokens(s, first, end).next(); }

struct SpelledNumber {
    size_t end;
    Value value;
};
std::optional<SpelledNumber> number_words(View s, size_t i, size_t end);
bool is_part(View word);                              // half, thirds
size_t and_a_half(View s, size_t i, size_t end);      // the end of "a half" in "two and a half", or 0

// Whether the quantity whose first number ends at i has a second number (5'6"). `money`: the first number has a currency
// sign.
bool compound(View s, size_t i, size_t end, bool money = false);
// Whether a number can be parsed and is not part of an expression, a range or a compound quantity.
// `stop` is the end of its sentence, and `end` the end of its line: a quantity such as "5 ft. 6 in." continues after
// `stop`.
bool stands_alone(View s, const Token& token, size_t stop, size_t end);

}  // namespace lmsi
