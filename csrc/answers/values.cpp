#include "values.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace lmsi {
namespace {

constexpr size_t DIGITS = 38;
constexpr int64_t POWERS = 126;
constexpr int64_t EXPONENTS = 1'000'000'000'000'000;  // longer exponents cannot be parsed, so no key has them

constexpr Big power_of_ten(int n) {
    Big result = 1;
    while (n-- > 0) result *= 10;
    return result;
}
constexpr Big LIMIT = power_of_ten(38);

// A 128-bit division is a function call, but a 64-bit division is a single instruction, and most answers are small.
bool small(Big n) { return n <= std::numeric_limits<uint64_t>::max(); }

Big gcd(Big a, Big b) {
    if (b == 1) return 1;
    while (b != 0 && !(small(a) && small(b))) a = std::exchange(b, a % b);
    return b == 0 ? a : std::gcd(static_cast<uint64_t>(a), static_cast<uint64_t>(b));
}

// Multiplies a by b in place; returns false if the product exceeds the limit. Both factors must be within the limit.
bool multiply(Big& a, Big b) {
    if (b != 0 && a > LIMIT / b) return false;
    a *= b;
    return true;
}

bool multiply_power(Big& a, unsigned base, int64_t power) {
    for (; power > 0; --power)
        if (!multiply(a, base)) return false;
    return true;
}

Big parse(const std::string& digits) {
    Big result = 0;
    for (char c : digits) result = result * 10 + static_cast<unsigned>(c - '0');
    return result;
}

std::string text(Big n) {
    if (small(n)) return std::to_string(static_cast<uint64_t>(n));
    std::string reversed;
    do reversed.push_back(static_cast<char>('0' + static_cast<int>(n % 10)));
    while ((n /= 10) != 0);
    return {reversed.rbegin(), reversed.rend()};
}

}  // namespace

Value Value::decimal(std::string digits, int64_t exponent) {
    Value value;
    value.kind_ = Kind::decimal;
    const size_t last = digits.find_last_not_of('0');
    if (last == std::string::npos) return value;
    exponent += static_cast<int64_t>(digits.size() - last - 1);
    digits.resize(last + 1);
    if (exponent >= EXPONENTS || exponent <= -EXPONENTS) return {};
    digits.erase(0, digits.find_first_not_of('0'));
    value.digits_ = std::move(digits);
    value.exponent_ = exponent;
    return value;
}

Value Value::reduced(Big above, Big below) {
    const Big common = gcd(above, below);
    Value value;
    value.kind_ = Kind::fraction;
    value.above_ = above / common;
    value.below_ = below / common;
    return value.above_ <= LIMIT && value.below_ <= LIMIT ? value : Value();
}

Value Value::exact() const {
    if (kind_ != Kind::decimal) return *this;
    if (digits_.size() > DIGITS || exponent_ > POWERS || exponent_ < -POWERS) return {};
    Big above = parse(digits_), below = 1;
    if (exponent_ >= 0) return multiply_power(above, 10, above == 0 ? 0 : exponent_) ? reduced(above, 1) : Value();
    int64_t twos = -exponent_, fives = -exponent_;
    for (; twos > 0 && above % 2 == 0; --twos) above /= 2;
    for (; fives > 0 && above % 5 == 0; --fives) above /= 5;
    if (!multiply_power(below, 2, twos) || !multiply_power(below, 5, fives)) return {};
    return reduced(above, below);
}

Value Value::quotient(const Value& above, const Value& below) {
    const Value a = above.exact(), b = below.exact();
    if (!a || !b || b.above_ == 0) return {};
    // Common factors are cancelled crosswise first, so that a product exceeds the limit only if it does even in lowest
    // terms.
    const Big tops = gcd(a.above_, b.above_), bottoms = gcd(a.below_, b.below_);
    Big top = a.above_ / tops, bottom = a.below_ / bottoms;
    if (!multiply(top, b.below_ / bottoms) || !multiply(bottom, b.above_ / tops)) return {};
    return reduced(top, bottom);
}

Value Value::total(const Value& a, const Value& b) {
    const Value whole = a.exact(), part = b.exact();
    if (!whole || !part || whole.below_ != 1) return {};
    Big top = whole.above_;
    return multiply(top, part.below_) ? reduced(top + part.above_, part.below_) : Value();
}

Value Value::shifted(int64_t power) const {
    if (kind_ == Kind::fraction) return quotient(*this, decimal("1", -power));
    return digits_.empty() ? *this : decimal(digits_, exponent_ + power);
}

Value Value::powered(int64_t power) const {
    if (digits_ == "1") return exponent_ <= 1000 && exponent_ >= -1000 ? decimal("1", exponent_ * power) : Value();
    if (digits_.empty()) return power > 0 ? *this : Value();
    if (power < 0 || power > POWERS || digits_.size() > DIGITS) return {};
    const Big base = parse(digits_);
    Big result = 1;
    for (int64_t i = 0; i < power; ++i)
        if (!multiply(result, base)) return {};
    return decimal(text(result), exponent_ * power);
}

bool Value::below_one() const { return kind_ == Kind::fraction && above_ < below_; }

void Value::append_key(bool negative, std::string& to) const {
    const Value value = exact();
    to += "num:";
    if (negative && !(value && value.above_ == 0)) to += '-';
    if (!value) {
        to += digits_ + 'e' + std::to_string(exponent_);
        return;
    }
    to += text(value.above_);
    if (value.below_ != 1) to += '/' + text(value.below_);
}

}  // namespace lmsi
