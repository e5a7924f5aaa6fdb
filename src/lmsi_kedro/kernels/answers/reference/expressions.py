"""Tests whether a number stands alone, or is part of something larger: 5 + 3, 5-6, 2\\pi, \\sqrt{2}, 5'6"."""

from .characters import (
    DIVIDED,
    LOWERED,
    PI,
    RAISED_MINUS,
    ROOT,
    TIMES,
    char,
    digit,
    letter,
    raised,
    skip_spaces,
    space,
    word_at,
    word_end,
    word_set,
)
from .compounds import compound
from .tokens import CURRENCY_SIGNS, Token

_OPERATOR_WORDS = word_set("x plus minus times divided multiplied to through or")
_OPERATORS = (
    "\\times", "\\cdot", "\\div", "\\pm", "\\sqrt", "\\pi", "\\cup", "\\overline", "\\bar", "\\log", "<sup",
)  # fmt: skip
_UNDER = ("\\sqrt{", "\\sqrt ", "\\sqrt")


def _number_follows(s: str, i: int, end: int) -> bool:
    """Whether a number follows, possibly after currency signs, spaces and opening brackets."""
    while i < end and (space(s[i]) or s[i] in "(\\*{" or s[i] in CURRENCY_SIGNS):
        i += 1
    return digit(char(s, i, end)) or (char(s, i, end) == "." and digit(char(s, i + 1, end)))


def _raises(s: str, i: int, end: int) -> bool:
    """Whether there is a power or an index at i: (-3)^2, 101_2, but not degrees."""
    c = char(s, i, end)
    if c == "^":
        return not s.startswith(("^\\circ", "^{\\circ", "^o"), i, end)
    if c == "_":
        return digit(char(s, i + 1, end)) or char(s, i + 1, end) == "{"
    return raised(c) or c in (RAISED_MINUS, LOWERED)


def open_expression(s: str, i: int, end: int) -> bool:
    """Whether the number that ends at i is only the first part of an expression or a range."""
    after = skip_spaces(s, i, end)
    if _raises(s, i + (char(s, i, end) == ")"), end) or _raises(s, after, end):
        return True
    i, c = after, char(s, after, end)
    if c in (ROOT, PI) or any(s.startswith(x, i, end) for x in _OPERATORS):
        return True
    if c in "+-*/" or c in (TIMES, DIVIDED):
        return _number_follows(s, i + 1, end)
    if not letter(c) or word_at(s, i, end) not in _OPERATOR_WORDS:
        return False
    j = skip_spaces(s, word_end(s, i, end), end)
    return _number_follows(s, word_end(s, j, end) if word_at(s, j, end) == "by" else j, end)


def _under_root(s: str, start: int) -> bool:
    return s[max(0, start - 6) : start].endswith(_UNDER) or char(s, start - 1, len(s)) == ROOT


def stands_alone(s: str, token: Token, stop: int, end: int) -> bool:
    """Whether the number can be parsed and is not part of an expression, a range or a compound quantity.

    stop is the end of its sentence, and end the end of its line: "5 ft. 6 in." continues after stop.
    """
    return (
        token.value is not None
        and not _under_root(s, token.start)
        and not open_expression(s, token.end, stop)
        and not compound(s, token.end, end, _is_money(s, token))
    )


def _is_money(s: str, token: Token) -> bool:
    return any(c in CURRENCY_SIGNS for c in s[token.start : token.magnitude])
