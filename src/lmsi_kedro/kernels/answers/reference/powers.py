"""Parses the factors after a magnitude: exponents, powers of ten and scale words.

Examples are 2^3, 10⁶, 1.5 x 10^6, 1.5 million and 5 hundred thousand.
"""

from .characters import (
    RAISED_MINUS,
    RAISED_ZERO,
    TIMES,
    char,
    digit_run,
    letter,
    raised,
    skip_spaces,
    word_at,
    word_end,
)
from .values import EXPONENT_DIGITS, Decimal, Value, powered, shifted

SCALES = {
    "hundred": 2, "hundreds": 2, "thousand": 3, "thousands": 3, "lakh": 5, "lakhs": 5, "million": 6,
    "millions": 6, "crore": 7, "crores": 7, "billion": 9, "billions": 9, "trillion": 12, "trillions": 12,
}  # fmt: skip
_TIMES = ("\\times", "\\cdot", "x", "X", TIMES, "*", "\xb7")


def integer(s: str, i: int, end: int) -> tuple[int, int] | None:
    """A signed integer short enough to be an exponent: (end, value)."""
    sign = -1 if char(s, i, end) == "-" else 1
    i += char(s, i, end) in ("-", "+")
    j = digit_run(s, i, end)
    return (j, sign * int(s[i:j])) if 0 < j - i <= EXPONENT_DIGITS else None


def _exponent(s: str, i: int, end: int) -> tuple[int, int] | None:
    """The exponent at i: ^3, ^-3, ^{3}, or raised digits."""
    if char(s, i, end) != "^":
        return _raised_integer(s, i, end)
    braced = char(s, i + 1, end) == "{"
    found = integer(s, i + 1 + braced, end)
    if found and braced:
        return (found[0] + 1, found[1]) if char(s, found[0], end) == "}" else None
    return found


def _raised_integer(s: str, i: int, end: int) -> tuple[int, int] | None:
    negative = char(s, i, end) == RAISED_MINUS
    j = i = i + negative
    while j < end and raised(s[j]):
        j += 1
    if not 0 < j - i <= EXPONENT_DIGITS:
        return None
    value = int("".join(str(ord(c) - ord(RAISED_ZERO)) for c in s[i:j]))
    return j, -value if negative else value


def power(s: str, j: int, end: int, value: Decimal) -> tuple[int, Value | None]:
    """Applies the factor or exponent after a decimal: x 10^k, ^k or a raised k. Returns (end, value)."""
    if found := _exponent(s, j, end):
        return found[0], powered(value, found[1])
    k = skip_spaces(s, j, end)
    sign = next((x for x in _TIMES if s.startswith(x, k, end)), "")
    k = skip_spaces(s, k + len(sign), end)
    if sign and s.startswith("10", k, end) and (found := _exponent(s, k + 2, end)):
        return found[0], shifted(value, found[1])
    return j, value


def scaled(s: str, j: int, end: int, value: Value | None) -> tuple[int, Value | None]:
    """Multiplies a number by the scale words after it: 1.5 million, 5 hundred thousand."""
    while value is not None:
        k = j + (char(s, j, end) == "$")  # $1.5$ million
        k = skip_spaces(s, k, min(end, k + 2))
        size = SCALES.get(word_at(s, k, min(end, k + 10)), 0) if k > j else 0
        if not size or letter(char(s, word_end(s, k, end), end)):
            break
        j, value = word_end(s, k, end), shifted(value, size)
    return j, value
