// Quantities of more than one number: 2 hours 30 minutes, 5'6", 2h30m, 4 10/3, 2 million 500 thousand.
//
// Two numbers with a comma or "and" between them belong together only if the second unit is a smaller unit of the same
// measure.
#include <algorithm>

#include "numbers.hpp"

namespace lmsi {
namespace {

struct Unit {
    View words;
    unsigned measure, rank;  // rank: 0 for the largest unit of a measure
};
constexpr Unit UNITS[] = {{"year years yr yrs", 0, 0},
                          {"month months", 0, 1},
                          {"week weeks", 0, 2},
                          {"day days", 0, 3},
                          {"hour hours hr hrs h", 0, 4},
                          {"minute minutes min mins m", 0, 5},
                          {"second seconds sec secs s", 0, 6},
                          {"mile miles mi", 1, 0},
                          {"yard yards yd yds", 1, 1},
                          {"foot feet ft", 1, 2},
                          {"inch inches in", 1, 3},
                          {"kilometer kilometers kilometre kilometres km", 2, 0},
                          {"meter meters metre metres m", 2, 1},
                          {"centimeter centimeters centimetre centimetres cm", 2, 2},
                          {"millimeter millimeters millimetre millimetres mm", 2, 3},
                          {"ton tons tonne tonnes", 3, 0},
                          {"kilogram kilograms kilo kilos kg", 3, 1},
                          {"gram grams g", 3, 2},
                          {"stone stones", 4, 0},
                          {"pound pounds lb lbs", 4, 1},
                          {"ounce ounces oz", 4, 2},
                          {"gallon gallons", 5, 0},
                          {"quart quarts", 5, 1},
                          {"pint pints", 5, 2},
                          {"cup cups", 5, 3},
                          {"tablespoon tablespoons", 5, 4},
                          {"teaspoon teaspoons", 5, 5},
                          {"liter liters litre litres l", 6, 0},
                          {"milliliter milliliters millilitre millilitres ml", 6, 1},
                          {"dollar dollars euro euros pound pounds", 7, 0},
                          {"cent cents penny pennies pence p", 7, 1},
                          {"degree degrees", 8, 0},
                          {"minute minutes", 8, 1},
                          {"second seconds", 8, 2}};
constexpr View WRAPPERS[] = {"text", "mathrm", "textrm", "mbox", "quad", "qquad"};
constexpr View ARC = "'\xb0";          // feet, degrees and minutes of arc
constexpr size_t ABBREVIATED = 3;      // maximum letters of a unit whose full stop does not end a sentence (5 ft. 6 in.)

// Skips spaces, braces and LaTeX between a number and its unit.
size_t gap(View s, size_t i, size_t end, bool dollars) {
    while (i < end) {
        if (s[i] == '\\' && one_of(word_at(s, i + 1, end), WRAPPERS)) i = word_end(s, i + 1, end);
        else if (s[i] == '\\' && one_of(at(s, i + 1, end), ",;: ")) i += 2;
        else if (space(s[i]) || one_of(s[i], "{}~") || (dollars && s[i] == '$')) ++i;
        else break;
    }
    return i;
}

// Whether a word is in a list of words separated by spaces.
bool has(View words, View word) {
    for (size_t i = 0; (i = words.find(word, i)) != View::npos; ++i)
        if ((i == 0 || words[i - 1] == ' ') && (i + word.size() == words.size() || words[i + word.size()] == ' ')) return true;
    return false;
}

// Whether some measure contains `unit` and the smaller unit `smaller` (any smaller unit if `smaller` is empty).
bool is_above(View unit, View smaller = {}) {
    for (const Unit& above : UNITS)
        if (has(above.words, unit))
            for (const Unit& below : UNITS)
                if (above.measure == below.measure && above.rank < below.rank && (smaller.empty() || has(below.words, smaller)))
                    return true;
    return false;
}

// The end of the number at i, or 0 if there is none.
size_t counted(View s, size_t i, size_t end) {
    if (!digit(at(s, i, end))) {
        const auto words = letter(at(s, i, end)) ? number_words(s, i, end) : std::nullopt;
        return words ? words->end : 0;
    }
    while (i < end && (digit(s[i]) || (one_of(s[i], ".,/") && digit(at(s, i + 1, end))))) ++i;
    return i;
}

// Whether the number at i belongs to the same quantity as the number before it: "4 10/3", "7 8", "2 million 500
// thousand". It does not if it describes something that the first number counts: "6 12-inch pizzas", "10 6 inch tiles".
bool two_numbers(View s, size_t i, size_t end) {
    const size_t after = counted(s, i, end);
    const Word word = word_at(s, skip_spaces(s, after, end), end);
    const bool counts = !word.empty() || (at(s, after, end) == '-' && letter(at(s, after + 1, end)));
    return !counts || is_scale(word) || s.substr(i, after - i).find('/') != View::npos;
}

// The position after a comma, "and" or both, or 0 if there is neither.
size_t joined(View s, size_t i, size_t end, bool dollars) {
    const bool comma = at(s, i, end) == ',';
    const size_t j = gap(s, i + comma, end, dollars);
    if (word_at(s, j, end) == "and") return gap(s, j + 3, end, dollars);
    if (at(s, j, end) == '&' || at(s, j, end) == '+') return gap(s, j + 1, end, dollars);
    return comma ? j : 0;
}

// Whether the quantity with `unit` before i continues with a smaller one: "and 30 minutes", "and a half".
bool goes_on(View s, size_t i, size_t end, View unit, bool dollars) {
    const size_t k = joined(s, i, end, dollars);
    if (k == 0) return false;
    if (is_part(word_at(s, word_at(s, k, end) == "a" ? skip_spaces(s, k + 1, end) : k, end))) return is_above(unit);
    const size_t after = counted(s, k, end);
    if (after == 0) return false;
    const Word smaller = word_at(s, gap(s, after, end, dollars), end);
    return !smaller.empty() && is_above(unit, smaller);
}

// Whether the digits directly after a unit begin a smaller quantity (2h30) and are not a power (km2).
bool attached(View s, size_t i, size_t end) {
    return (s[i] != '2' && s[i] != '3') || digit(at(s, i + 1, end)) || letter(at(s, i + 1, end));
}

// Whether a quantity in a smaller unit follows the unit at j: 2 hours 30 minutes, 5 ft. 6 in, 2h30.
bool unit_goes_on(View s, size_t j, size_t end, bool dollars) {
    const size_t k = word_end(s, j, end);
    const bool dotted = at(s, k, end) == '.' && k - j <= ABBREVIATED;
    const size_t after = gap(s, k + dotted, end, dollars);
    if (!digit(at(s, after, end))) return goes_on(s, k, end, Word(s, j, k), dollars);
    if (after == k && !attached(s, k, end)) return false;
    const size_t second = gap(s, counted(s, after, end), end, dollars);
    return at(s, second, end) != '%' && is_above(Word(s, j, k), word_at(s, second, end));
}

}  // namespace

bool compound(View s, size_t i, size_t end, bool money) {
    if (i >= end || s[i] == '.') return false;
    size_t j = skip_spaces(s, i, end);
    if (j > i && digit(at(s, j, end))) return two_numbers(s, j, end);
    const bool dollars = at(s, i, end) == '$';  // $2$ hours $30$ minutes
    j = gap(s, i, end, dollars);
    if (j >= end) return false;
    if (one_of(s[j], ARC) && digit(at(s, skip_spaces(s, j + 1, end), end))) return true;
    if (letter(s[j]) && !(word_at(s, j, end) == "and")) return unit_goes_on(s, j, end, dollars);
    return money && goes_on(s, i, end, "dollar", dollars);
}

}  // namespace lmsi
