// Exact numbers and their keys: decimals by digits, fractions by 128-bit integers, never a double.
//
// A decimal stores its digits and its power of ten separately, so that 1e999999999 is cheap. The key of a result beyond
// 38 digits has digits and exponent; a larger fraction has no value. Nothing here overflows, rounds or throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lmsi {

using Big = unsigned __int128;

class Value {
public:
    Value() = default;  // no value
    static Value decimal(std::string digits, int64_t exponent);  // none if the exponent of its key would be too long to parse
    static Value integer(uint64_t n) { return decimal(std::to_string(n), 0); }
    static Value fraction(uint64_t above, uint64_t below) { return quotient(integer(above), integer(below)); }

    static Value quotient(const Value& above, const Value& below);
    static Value total(const Value& a, const Value& b);  // a whole number plus a proper fraction

    Value shifted(int64_t power) const;  // * 10^power
    Value powered(int64_t power) const;  // of a decimal, if the result is small

    explicit operator bool() const { return kind_ != Kind::none; }
    bool is_decimal() const { return kind_ == Kind::decimal; }
    bool below_one() const;  // of a fraction

    // num:37/2, num:-5, num:1e999999999.
    void append_key(bool negative, std::string& to) const;

private:
    enum class Kind : uint8_t { none, decimal, fraction };
    static Value reduced(Big above, Big below);
    Value exact() const;  // as a fraction, if it fits into 38 digits

    Kind kind_ = Kind::none;
    std::string digits_;  // without leading or trailing zeros; empty for zero
    int64_t exponent_ = 0;
    Big above_ = 0, below_ = 1;
};

}  // namespace lmsi
