// Tests whether a number stands alone, or is part of something larger: 5 + 3, 5-6, 2\pi, \sqrt{2}, 5'6".
#include <algorithm>

#include "numbers.hpp"

namespace lmsi {
namespace {

constexpr View OPERATOR_WORDS[] = {"x", "plus", "minus", "times", "divided", "multiplied", "to", "through", "or"};
constexpr View OPERATORS[] = {"\\times", "\\cdot", "\\div", "\\pm", "\\sqrt", "\\pi", "\\cup", "\\overline", "\\bar", "\\log", "<sup"};

// Whether a number follows, possibly after currency signs, spaces and opening brackets.
bool number_follows(View s, size_t i, size_t end) {
    while (i < end && (space(s[i]) || one_of(s[i], "(\\*{") || one_of(s[i], CURRENCY_SIGNS))) ++i;
    return digit(at(s, i, end)) || (at(s, i, end) == '.' && digit(at(s, i + 1, end)));
}

// Whether there is a power or an index at i: (-3)^2, 101_2, but not degrees.
bool raises(View s, size_t i, size_t end) {
    const char c = at(s, i, end);
    if (c == '^') return !starts(s, i, end, "^\\circ") && !starts(s, i, end, "^{\\circ") && !starts(s, i, end, "^o");
    if (c == '_') return digit(at(s, i + 1, end)) || at(s, i + 1, end) == '{';
    return raised(c) || c == RAISED_MINUS || c == LOWERED;
}

// Whether the number that ends at i is only the first part of an expression or a range.
bool open_expression(View s, size_t i, size_t end) {
    const size_t after = skip_spaces(s, i, end);
    if (after >= end) return false;
    const char c = s[after];
    if (raises(s, i + (at(s, i, end) == ')'), end) || raises(s, after, end) || c == ROOT || c == PI) return true;
    if (c == '\\' || c == '<') return std::ranges::any_of(OPERATORS, [&](View x) { return starts(s, after, end, x); });
    if (c == '+' || c == '-' || c == '*' || c == '/' || c == TIMES || c == DIVIDED) return number_follows(s, after + 1, end);
    if (!letter(c) || !one_of(word_at(s, after, end), OPERATOR_WORDS)) return false;
    const size_t j = skip_spaces(s, word_end(s, after, end), end);
    return number_follows(s, word_at(s, j, end) == "by" ? word_end(s, j, end) : j, end);
}

bool under_root(View s, size_t start) {
    const View before = s.substr(0, start);
    return before.ends_with("\\sqrt{") || before.ends_with("\\sqrt ") || before.ends_with("\\sqrt") || before.ends_with(ROOT);
}

bool is_money(View s, const Token& token) {
    const View before = s.substr(token.start, token.magnitude - token.start);
    return std::ranges::any_of(before, [](char c) { return one_of(c, CURRENCY_SIGNS); });
}

}  // namespace

bool stands_alone(View s, const Token& token, size_t stop, size_t end) {
    return token.value && !under_root(s, token.start) && !open_expression(s, token.end, stop) &&
           !compound(s, token.end, end, is_money(s, token));
}

}  // namespace lmsi
