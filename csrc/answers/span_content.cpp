// Finds the number with its unit, the date or the time inside the brackets and markup of a span.
//
// Ambiguous numbers ("1,5"), days that do not exist, NaN and infinity have an empty key.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View LEADS[] = {"on", "in", "the", "about", "approximately", "around"};
constexpr View UNITS[] = {
    "yard",       "yards",      "yd",           "yds",           "point",      "points",  "goal",       "goals",    "touchdown",
    "touchdowns", "td",         "tds",          "pass",          "passes",     "carry",   "carries",    "catch",    "catches",
    "reception",  "receptions", "interception", "interceptions", "sack",       "sacks",   "quarter",    "quarters", "play",
    "plays",      "drive",      "drives",       "game",          "games",      "win",     "wins",       "loss",     "losses",
    "year",       "years",      "month",        "months",        "week",       "weeks",   "day",        "days",     "hour",
    "hours",      "minute",     "minutes",      "second",        "seconds",    "percent", "percentage", "people",   "person",
    "persons",    "men",        "women",        "children",      "soldiers",   "troops",  "households", "families", "units",
    "dollar",     "dollars",    "cent",         "cents",         "euro",       "euros",   "pound",      "pounds",   "mile",
    "miles",      "kilometer",  "kilometers",   "kilometre",     "kilometres", "km",      "meter",      "meters",   "metre",
    "metres",     "cm",         "mm",           "feet",          "foot",       "ft",      "inch",       "inches",   "degree",
    "degrees",    "kg",         "gram",         "grams",         "ton",        "tons",    "tonnes",     "times",    "square",
    "total",      "more",       "fewer",        "less",          "field",      "old"};
constexpr View WRAPPERS[] = {"text", "textbf", "textit", "mathrm", "mathbf", "mathsf", "mbox"};
constexpr int LAYERS = 4;  // maximum nesting of brackets and quotes
using Content = std::optional<std::string>;

// The range without outer spaces, markup, quotes and closing punctuation.
Stretch unquoted(View s, Stretch x) {
    while (x.begin < x.end && (space(s[x.begin]) || one_of(s[x.begin], "*`\"'"))) ++x.begin;
    while (x.end > x.begin && (space(s[x.end - 1]) || one_of(s[x.end - 1], "*`\"'.!?,;"))) --x.end;
    return x;
}

int nesting(char c) { return one_of(c, "([{") ? 1 : one_of(c, ")]}") ? -1 : 0; }

// The position of the bracket that closes the first one, or NONE.
size_t closed(View s, size_t a, size_t b) {
    long depth = 0;
    for (size_t i = a; i < b; ++i)
        if ((depth += nesting(s[i])) == 0) return i;
    return NONE;
}

// Whether the closing bracket at the last position has a matching opening one.
bool opened(View s, size_t a, size_t b) {
    long depth = 0;
    for (size_t i = b; i-- > a;)
        if ((depth += nesting(s[i])) == 0) return true;
    return false;
}

// The range without a pair of outer brackets, or without an unmatched outer bracket.
Stretch unbracketed(View s, Stretch x) {
    const auto [a, b] = x;
    if (a >= b) return x;
    if (s[a] == '<' && s[b - 1] == '>') return {a + 1, std::max(a + 1, b - 1)};
    size_t start = a + (s[a] == '\\');
    if (start > a && one_of(word_at(s, start, b), WRAPPERS)) start = word_end(s, start, b);
    const size_t last = b - 1 - (b - a > 1 && s[b - 2] == '\\');
    const bool opens = nesting(at(s, start, b)) > 0, closes = nesting(s[b - 1]) < 0;
    const size_t partner = opens ? closed(s, start, b) : NONE;
    if (opens && closes && partner == b - 1) return {start + 1, std::max(start + 1, last)};
    if (opens && partner == NONE) return {start + 1, b};
    return closes && !opened(s, a, b) ? Stretch{a, last} : x;
}

bool is_mark(char c) { return one_of(c, "-.%\xb0") || one_of(c, CURRENCY_SIGNS); }

// The position after all unit words, currency signs, percent signs and degree signs that begin at i.
size_t after_units(View s, size_t i, size_t b) {
    while (i < b) {
        if (letter(s[i])) {
            if (!one_of(word_at(s, i, b), UNITS)) break;
            i = word_end(s, i, b);
        } else if (space(s[i]) || is_mark(s[i]) || (raised(s[i]) && letter(s[i - 1]))) {  // km2
            ++i;
        } else {
            break;
        }
    }
    return i;
}

std::string key_of(const Value& value, bool negative) {
    std::string key;
    if (value) value.append_key(negative, key);
    return key;
}

// The key of a number followed only by units.
Content number(View s, size_t a, size_t b) {
    a += s[a] == '+';
    const Word word = word_at(s, a, b);
    const auto token = !letter(at(s, a, b)) || word == "minus" || word == "negative" ? first_token(s, a, b) : std::nullopt;
    if (token && token->start == a) {
        const bool doubtful = !token->value && s.substr(a, token->end - a).find(',') != View::npos;
        if ((!token->value && !doubtful) || after_units(s, token->end, b) != b) return std::nullopt;
        return key_of(token->value, token->negative);
    }
    const auto words = letter(at(s, a, b)) ? number_words(s, a, b) : std::nullopt;
    if (!words || after_units(s, words->end, b) != b) return std::nullopt;
    return key_of(words->value, false);
}

// The key of a number after a relation (<50, >= 50), which is a different answer from the number alone.
Content related(View s, size_t i, size_t b) {
    const char c = s[i];
    const View sign = c == '<' ? "<" : c == '>' ? ">" : c == AT_MOST ? "<=" : c == AT_LEAST ? ">=" : "";
    if (sign.empty()) return std::nullopt;
    const bool equal = at(s, i + 1, b) == '=';
    i = skip_spaces(s, i + 1 + equal, b);
    const Content found = i < b ? number(s, i, b) : std::nullopt;
    if (!found || found->empty()) return found;
    return "span:" + std::string(sign) + (equal ? "=" : "") + found->substr(4);
}

// Whether the range is NaN or infinity as written in data files.
bool unbounded(View s, size_t i, size_t b) {
    i += s[i] == '+' || s[i] == '-';
    const Word word(s, i, b);
    return word == "nan" || word == "inf" || word == "infinity" || (b - i == 1 && s[i] == INFINITE);
}

}  // namespace

Stretch trim(View s, Stretch x) {
    x = unquoted(s, x);
    const View said = s.substr(x.begin, x.end - x.begin);
    if (std::ranges::none_of(said, [](char c) { return letter(c) || digit(c); })) return x;  // a span of symbols, such as ")", is kept
    for (int layer = 0; layer < LAYERS; ++layer) {
        const Stretch inner = unquoted(s, unbracketed(s, x));
        if (inner.begin == x.begin && inner.end == x.end) break;
        x = inner;
    }
    return x;
}

Content content(View s, Stretch x) {
    auto [i, b] = x;
    while (i < b && (one_of(word_at(s, i, b), LEADS) || s[i] == '~' || s[i] == ALMOST))
        i = skip_spaces(s, std::max(word_end(s, i, b), i + 1), b);
    if (i >= b) return std::nullopt;
    if (Reading date = date_at(s, i, b); date && date->end == b) return std::move(date->key);
    if (Reading time = time_at(s, i, b); time && time->end == b) return std::move(time->key);
    if (unbounded(s, i, b)) return std::string();
    Content found = number(s, i, b);
    return found ? found : related(s, i, b);
}

}  // namespace lmsi
