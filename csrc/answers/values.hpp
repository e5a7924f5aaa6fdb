// Exact numbers and their keys: decimals by digits, fractions by 128-bit integers, never a double.
//
// A decimal keeps its digits and its power of ten apart, so that 1e999999999 costs nothing. What does not fit 38 digits is
// keyed as digits and exponent; a fraction beyond them is no value. Nothing here overflows, rounds or throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lmsi {

using Big = unsigned __int128;

class Value {
public:
    Value() = default;  // no value
    static Value decimal(std::string digits, int64_t exponent);  // none where the key would have an exponent too long to read
    static Value integer(uint64_t n) { return decimal(std::to_string(n), 0); }
    static Value fraction(uint64_t above, uint64_t below) { return quotient(integer(above), integer(below)); }

    static Value quotient(const Value& above, const Value& below);
    static Value total(const Value& a, const Value& b);  // of a whole number and a proper fraction

    Value shifted(int64_t power) const;  // * 10^power
    Value powered(int64_t power) const;  // of a decimal that stays small

    explicit operator bool() const { return kind_ != Kind::none; }
    bool is_decimal() const { return kind_ == Kind::decimal; }
    bool below_one() const;  // of a fraction

    // num:37/2, num:-5, num:1e999999999.
    void append_key(bool negative, std::string& to) const;

private:
    enum class Kind : uint8_t { none, decimal, fraction };
    static Value reduced(Big above, Big below);
    Value exact() const;  // as a fraction, where 38 digits hold it

    Kind kind_ = Kind::none;
    std::string digits_;  // without leading or trailing zeros; empty for zero
    int64_t exponent_ = 0;
    Big above_ = 0, below_ = 1;
};

}  // namespace lmsi
