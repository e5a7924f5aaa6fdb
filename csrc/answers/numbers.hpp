// Numbers as people and models write them, in a folded text, read exactly and in one pass.
//
// numbers.cpp reads the magnitude at a position (separators, decimals, exponents, fractions, mixed numbers, times, powers,
// scale words); tokens.cpp finds every number of a stretch with its sign, currency and percent; number_words.cpp reads
// numbers in words. None of it knows which number is an answer.
#pragma once

#include <optional>

#include "text.hpp"
#include "values.hpp"

namespace lmsi {

struct Magnitude {
    size_t end;
    Value value;  // none where the number cannot be read
    bool negative = false;
};

size_t at_frac(View s, size_t i, size_t end);  // the position after \frac, \dfrac or \tfrac, or 0
bool is_vulgar(char c);                        // a fraction in one character
Magnitude magnitude(View s, size_t i, size_t end);
void scale(View s, size_t end, Magnitude& number);  // takes in the scale words behind it

struct Token {
    size_t start, magnitude, end;
    Value value;
    bool negative;
};

inline constexpr View CURRENCY_SIGNS = "$\xa2\xa3\xa4\xa5";

// The numbers of s[first:end], left to right; one that cannot be read has no value.
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

}  // namespace lmsi
