// Exact numbers and their keys. Decimals are stored as digits, fractions as two 128-bit integers; no double is used.
//
// A decimal stores its digits and its power of ten separately, so that 1e999999999 is cheap. If a decimal needs more
// than 38 digits when it is written as an integer or a fraction, its key consists of digits and an exponent. A fraction
// that needs more than 38 digits has no value. Nothing here overflows, rounds or throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lmsi {

using Big = unsigned __int128;

class Value {
public:
    Value() = default;  // no value
    static Value decimal(std::string digits, int64_t exponent);  // no value if the exponent of its key is too long to parse
    static Value integer(uint64_t n) { return decimal(std::to_string(n), 0); }
    static Value fraction(uint64_t above, uint64_t below) { return quotient(integer(above), integer(below)); }

    static Value quotient(const Value& above, const Value& below);
    static Value total(const Value& a, const Value& b);  // a whole number plus a proper fraction

    Value shifted(int64_t power) const;  // this value times 10^power
    Value powered(int64_t power) const;  // a decimal raised to `power`; no value if the result is too large

    explicit operator bool() const { return kind_ != Kind::none; }
    bool is_decimal() const { return kind_ == Kind::decimal; }
    bool below_one() const;  // whether this is a fraction below one; always false for a decimal

    // Appends the key: num:37/2, num:-5, num:1e999999999.
    void append_key(bool negative, std::string& to) const;

private:
    enum class Kind : uint8_t { none, decimal, fraction };
    static Value reduced(Big above, Big below);
    Value exact() const;  // the value as a fraction; no value if it needs more than 38 digits

    Kind kind_ = Kind::none;
    std::string digits_;  // without leading or trailing zeros; empty for zero
    int64_t exponent_ = 0;
    Big above_ = 0, below_ = 1;
};

}  // namespace lmsi
