// Finds all numbers in a range of folded text, with their signs, currency signs and percent signs.
#include <algorithm>

#include "numbers.hpp"

namespace lmsi {
namespace {

constexpr View CURRENCY_WORDS[] = {"rs", "usd", "inr", "eur", "gbp", "us", "cad", "aud"};

char before(View s, size_t i, size_t first) { return i > first ? s[i - 1] : '\0'; }

// Whether the digits at m belong to a word, an index or an exponent (H2O, x_2, cm^2, covid-19).
bool attached(View s, size_t m, size_t first) {
    if (m <= first) return false;
    const char c = s[m - 1], further = m >= 2 ? s[m - 2] : '\0';
    if (letter(c)) {
        size_t k = m;
        while (k > first && letter(s[k - 1])) --k;
        return !(k > 0 && s[k - 1] == '\\') && !one_of(Word(s, k, m), CURRENCY_WORDS);
    }
    if (c == '_') return letter(further) || digit(further) || further == '}';
    if (c == '^' || c == ROOT || (c == '{' && (further == '^' || further == '_'))) return true;
    return c == '-' && m >= first + 2 && letter(further);
}

// Whether the dash at i joins the number to the text before it and is not its sign: 5-3, a)-3, well-3.
bool joins(View s, size_t i, size_t first) { return i > first && (letter(s[i - 1]) || digit(s[i - 1]) || one_of(s[i - 1], ")}-]%")); }

struct Prefix {
    size_t start;
    bool negative, currency;
};

// Whether the dash before k is the sign of a number at the start of the range ("- 80") and not the bullet of a list.
bool opening_dash(View s, size_t k, size_t first) {
    if (k <= first || s[k - 1] != '-' || k - 1 - first > 4) return false;
    for (size_t i = first; i + 1 < k; ++i)
        if (!space(s[i]) && !one_of(s[i], "*(\\[{$:")) return false;
    return s.substr(first > 0 ? first - 1 : 0, k - (first > 0 ? first - 1 : 0)).find('\n') == View::npos;
}

// Adds a sign that a space separates from its number: "- 80", "minus 80", "negative 80".
void sign_apart(View s, size_t first, Prefix& prefix) {
    const size_t k = prefix.start - 1;
    if (before(s, k, first) == '-') {
        if (opening_dash(s, k, first)) prefix = {k - 1, true, prefix.currency};
        return;
    }
    size_t start = k;
    while (start > first && letter(s[start - 1])) --start;
    const Word word(s, start, k);
    if (!(word == "minus") && !(word == "negative")) return;
    size_t back = start;
    while (back > first && space(s[back - 1])) --back;
    if (!(back > first && digit(s[back - 1]))) prefix = {start, true, prefix.currency};
}

// Finds the sign and the currency sign before the magnitude at m.
Prefix sign_and_currency(View s, size_t m, size_t first) {
    Prefix prefix{m, false, false};
    for (int round = 0; round < 2; ++round) {
        const size_t k = prefix.start - (prefix.start > first && space(s[prefix.start - 1]));
        if (!prefix.currency && k > first && one_of(s[k - 1], CURRENCY_SIGNS)) {
            prefix.currency = true;
            prefix.start = k - 1 - (k - 1 > first && s[k - 2] == '\\');
        } else if (!prefix.negative && before(s, prefix.start, first) == '-' && !joins(s, prefix.start - 1, first)) {
            prefix.negative = true;
            --prefix.start;
        }
    }
    if (!prefix.negative && prefix.start > first && space(s[prefix.start - 1])) sign_apart(s, first, prefix);
    return prefix;
}

// Whether a magnitude begins at i.
bool begins(View s, size_t i, size_t end, size_t first) {
    const char c = s[i];
    if (digit(c)) return true;
    if (c == '\\') return at_frac(s, i, end) != 0;
    if (c == '.') {
        const char previous = before(s, i, first);
        return digit(at(s, i + 1, end)) && !letter(previous) && !digit(previous) && previous != '.';
    }
    return static_cast<unsigned char>(c) >= 0x80 && is_vulgar(c);
}

int currency_scale(char c) {
    switch (lower(c)) {
    case 'k': return 3;
    case 'm': return 6;
    case 'b': return 9;
    default: return 0;
    }
}

Token token(View s, size_t m, size_t end, size_t first) {
    Magnitude number = magnitude(s, m, end);
    const Prefix prefix = sign_and_currency(s, m, first);
    if (prefix.currency && number.value.is_decimal() && !letter(at(s, number.end + 1, end)))
        if (const int power = currency_scale(at(s, number.end, end)))
            number = {number.end + 1, number.value.shifted(power), number.negative};
    scale(s, end, number);
    size_t k = skip_spaces(s, number.end, std::min(end, number.end + 1));
    k += at(s, k, end) == '\\' && at(s, k + 1, end) == '%';
    const size_t stop = at(s, k, end) == '%' ? k + 1 : number.end;
    return {prefix.start, m, stop, std::move(number.value), prefix.negative != number.negative};
}

}  // namespace

std::optional<Token> Tokens::next() {
    while (i_ < end_) {
        if (!begins(s_, i_, end_, first_)) {
            ++i_;
        } else if (digit(s_[i_]) && attached(s_, i_, first_)) {
            while (i_ < end_ && (digit(s_[i_]) || letter(s_[i_]))) ++i_;
        } else {
            Token found = token(s_, i_, end_, first_);
            i_ = std::max(found.end, i_ + 1);
            return found;
        }
    }
    return std::nullopt;
}

}  // namespace lmsi
