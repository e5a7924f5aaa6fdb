#include "numbers.hpp"

#include <algorithm>
#include <utility>

namespace lmsi {
namespace {

constexpr View SEPARATORS[] = {"{,}", ",\\!", "\\,", ",", "\xa0", " ", "_", "'"};

struct Vulgar {
    char code;
    unsigned char above, below;
};
constexpr Vulgar VULGAR[] = {{'\xbc', 1, 4}, {'\xbd', 1, 2}, {'\xbe', 3, 4}, {'\x84', 1, 3}, {'\x85', 2, 3},
                             {'\x86', 1, 5}, {'\x87', 2, 5}, {'\x88', 3, 5}, {'\x89', 4, 5}, {'\x8a', 1, 6},
                             {'\x8b', 5, 6}, {'\x8c', 1, 8}, {'\x8d', 3, 8}, {'\x8e', 5, 8}, {'\x8f', 7, 8}};

Value vulgar(char c) {
    for (const Vulgar& known : VULGAR)
        if (known.code == c) return Value::fraction(known.above, known.below);
    return {};
}

// The number of digits in the group after `separator` at j, or 0.
size_t group(View s, size_t j, size_t end, View separator) {
    if (!starts(s, j, end, separator)) return 0;
    const size_t k = j + separator.size();
    const size_t stop = digit_run(s, k, std::min(end, k + 4));
    const char after = at(s, stop, end);
    if (separator == " " && (after == '/' || after == ':')) return 0;
    if (stop - k == 2) return separator == "," && after == ',' && digit(at(s, stop + 1, end)) ? 2 : 0;  // 12,34,567
    return stop - k == 3 ? 3 : 0;
}

// Stores the digits at i without their thousands separators, and returns the end of the run.
size_t whole(View s, size_t i, size_t end, std::string& digits) {
    size_t j = digit_run(s, i, end);
    digits.assign(s.substr(i, j - i));
    if (j == i || j - i > 3 || s[i] == '0') return j;
    View separator;
    for (View known : SEPARATORS)
        if (separator.empty() && group(s, j, end, known) > 0) separator = known;
    if (separator.empty()) return j;
    while (const size_t size = group(s, j, end, separator)) {
        j += separator.size();
        digits.append(s.substr(j, size));
        j += size;
    }
    return j;
}

// The width of a comma or point before a digit at j, perhaps in braces (3{,}5), or 0.
size_t mark(View s, size_t j, size_t end, char c) {
    if (at(s, j, end) == c) return digit(at(s, j + 1, end));
    const bool braced = at(s, j, end) == '{' && at(s, j + 1, end) == c && at(s, j + 2, end) == '}';
    return braced && digit(at(s, j + 3, end)) ? 3 : 0;
}

struct Decimal {
    size_t end;
    Value value;
    bool plain;  // written as a whole number
};

// A number in digits: a whole number, with decimals and an exponent if there are any.
std::optional<Decimal> decimal(View s, size_t i, size_t end) {
    std::string digits;
    size_t j = whole(s, i, end, digits);
    int64_t exponent = 0;
    if (const size_t width = mark(s, j, end, '.')) {
        const size_t first = j + width;
        j = digit_run(s, first, end);
        digits.append(s.substr(first, j - first));
        exponent = -static_cast<int64_t>(j - first);
        if (mark(s, j, end, '.') > 0) return std::nullopt;  // a version, a date or an address
    }
    if (mark(s, j, end, ',') > 0) return std::nullopt;  // 3,5 is ambiguous
    bool is_plain = exponent == 0;
    if (at(s, j, end) == 'e' || at(s, j, end) == 'E') {
        const auto found = integer(s, j + 1, end);
        if (found && !letter(at(s, found->end, end)) && !digit(at(s, found->end, end))) {
            j = found->end;
            exponent += found->value;
            is_plain = false;
        } else if (digit(at(s, j + 1 + (at(s, j + 1, end) == '-' || at(s, j + 1, end) == '+'), end)) && !found) {
            return std::nullopt;
        }
    }
    Value value = Value::decimal(std::move(digits), exponent);
    if (!value) return std::nullopt;
    return Decimal{j, std::move(value), is_plain};
}

// One argument of \frac: {12}, {-3}, or a single digit.
std::optional<Magnitude> argument(View s, size_t i, size_t end) {
    if (digit(at(s, i, end))) return Magnitude{i + 1, Value::integer(static_cast<uint64_t>(s[i] - '0'))};
    if (at(s, i, end) != '{') return std::nullopt;
    i = skip_spaces(s, i + 1, end);
    const bool negative = at(s, i, end) == '-';
    i = skip_spaces(s, i + negative, end);
    if (!digit(at(s, i, end)) && at(s, i, end) != '.') return std::nullopt;
    auto found = decimal(s, i, end);
    if (!found) return std::nullopt;
    const size_t j = skip_spaces(s, found->end, end);
    if (at(s, j, end) != '}') return std::nullopt;
    return Magnitude{j + 1, std::move(found->value), negative};
}

// The value of \frac{a}{b} at i; nothing if the arguments are not numbers.
std::optional<Magnitude> frac(View s, size_t i, size_t end) {
    const auto above = argument(s, skip_spaces(s, at_frac(s, i, end), end), end);
    if (!above) return std::nullopt;
    const auto below = argument(s, skip_spaces(s, above->end, end), end);
    if (!below) return std::nullopt;
    return Magnitude{below->end, Value::quotient(above->value, below->value), above->negative != below->negative};
}

Value digits_value(View s, size_t i, size_t j) { return Value::decimal(std::string(s.substr(i, j - i)), 0); }

// The fraction after a whole number: 1 1/2, 1\frac{1}{2}, 1 and 1/2, or a fraction in one character.
std::optional<Magnitude> mixed(View s, size_t j, size_t end, const Value& number) {
    size_t k = skip_spaces(s, j, std::min(end, j + 2));
    if (k > j && lower(at(s, k, end)) == 'a' && word_at(s, k, end) == "and") {
        k += 3;
        if (const size_t half = and_a_half(s, k, end)) return Magnitude{half, Value::total(number, Value::fraction(1, 2))};
        k = skip_spaces(s, k, end);
    }
    if (is_vulgar(at(s, k, end))) return Magnitude{k + 1, Value::total(number, vulgar(s[k]))};
    if (at_frac(s, k, end) != 0) {
        const auto part = frac(s, k, end);
        if (!part || part->negative) return std::nullopt;
        return Magnitude{part->end, part->value ? Value::total(number, part->value) : Value()};
    }
    const size_t above = digit_run(s, k, end);
    if (k == j || above == k || at(s, above, end) != '/') return std::nullopt;
    const size_t below = digit_run(s, above + 1, end);
    if (below == above + 1 || at(s, below, end) == '/') return std::nullopt;
    const Value part = Value::quotient(digits_value(s, k, above), digits_value(s, above + 1, below));
    if (!part.below_one()) return std::nullopt;
    return Magnitude{below, Value::total(number, part)};
}

// The number `above` divided by the number after a slash (3/4) or a colon (the ratio 3:2). If a colon is followed by two
// digits below 60, the number is a time: 2:30 is two and a half.
std::optional<Magnitude> ratio(View s, size_t j, size_t end, const Value& above) {
    size_t k = skip_spaces(s, j, end);
    if (at(s, k, end) == '/') {
        k = skip_spaces(s, k + 1, end);
        if (!digit(at(s, k, end))) return std::nullopt;
        const auto below = decimal(s, k, end);
        if (!below) return std::nullopt;
        const bool many = at(s, below->end, end) == '/' && digit(at(s, below->end + 1, end));
        return Magnitude{below->end, many ? Value() : Value::quotient(above, below->value)};
    }
    if (at(s, j, end) != ':') return std::nullopt;
    k = digit_run(s, j + 1, end);
    if (k == j + 1) return std::nullopt;
    if (at(s, k, end) == ':' && digit(at(s, k + 1, end))) return Magnitude{k, Value()};
    const Value below = digits_value(s, j + 1, k);
    if (k - j == 3 && s[j + 1] < '6') return Magnitude{k, Value::total(above, Value::quotient(below, Value::integer(60)))};
    return Magnitude{k, Value::quotient(above, below)};
}

// The end of a run of digits with points and commas between them, which is not a number.
size_t unreadable_end(View s, size_t i, size_t end) {
    i = digit_run(s, i, end);
    for (;;) {
        const size_t width = std::max(mark(s, i, end, '.'), mark(s, i, end, ','));
        if (width == 0) return i;
        i = digit_run(s, i + width, end);
    }
}

}  // namespace

bool is_vulgar(char c) {
    return std::any_of(std::begin(VULGAR), std::end(VULGAR), [c](const Vulgar& known) { return known.code == c; });
}

size_t at_frac(View s, size_t i, size_t end) {
    if (at(s, i, end) != '\\') return 0;
    for (View name : {View("\\frac"), View("\\dfrac"), View("\\tfrac")})
        if (starts(s, i, end, name)) return i + name.size();
    return 0;
}

Magnitude magnitude(View s, size_t i, size_t end) {
    if (is_vulgar(s[i])) return {i + 1, vulgar(s[i])};
    if (const size_t skipped = at_frac(s, i, end)) return frac(s, i, end).value_or(Magnitude{skipped, Value()});
    auto found = decimal(s, i, end);
    if (!found) return {unreadable_end(s, i, end), Value()};
    std::optional<Magnitude> tail;
    if (found->plain) tail = mixed(s, found->end, end, found->value);
    if (!tail) tail = ratio(s, found->end, end, found->value);
    return tail ? *std::move(tail) : power(s, found->end, end, std::move(found->value));
}

}  // namespace lmsi
