"""The magnitude at a position of a folded text, read exactly.

Digits with thousands separators, decimals, exponents, fractions, mixed numbers, times, ratios, powers
and scale words. It knows nothing of signs, currencies and percent, which are tokens' affair.
"""

from fractions import Fraction

from .characters import (
    NO_BREAK,
    TIMES,
    char,
    digit,
    letter,
    skip_spaces,
    word_at,
    word_end,
)
from .values import (
    EXPONENT_DIGITS,
    Decimal,
    Value,
    bounded,
    decimal,
    powered,
    quotient,
    shifted,
    total,
)

SCALES = {
    "hundred": 2, "hundreds": 2, "thousand": 3, "thousands": 3, "lakh": 5, "lakhs": 5, "million": 6,
    "millions": 6, "crore": 7, "crores": 7, "billion": 9, "billions": 9, "trillion": 12, "trillions": 12,
}  # fmt: skip
VULGAR = {
    "\xbc": (1, 4), "\xbd": (1, 2), "\xbe": (3, 4), "\x84": (1, 3), "\x85": (2, 3), "\x86": (1, 5),
    "\x87": (2, 5), "\x88": (3, 5), "\x89": (4, 5), "\x8a": (1, 6), "\x8b": (5, 6), "\x8c": (1, 8),
    "\x8d": (3, 8), "\x8e": (5, 8), "\x8f": (7, 8),
}  # fmt: skip
SEPARATORS = ("{,}", ",\\!", "\\,", ",", NO_BREAK, " ", "_", "'")
_TIMES = ("\\times", "\\cdot", "x", "X", TIMES, "*", "\xb7")


def digit_run(s: str, i: int, end: int) -> int:
    while i < end and digit(s[i]):
        i += 1
    return i


def _integer(s: str, i: int, end: int) -> tuple[int, int] | None:
    """A signed integer short enough to be an exponent: (end, value)."""
    sign = -1 if char(s, i, end) == "-" else 1
    i += char(s, i, end) in ("-", "+")
    j = digit_run(s, i, end)
    return (j, sign * int(s[i:j])) if 0 < j - i <= EXPONENT_DIGITS else None


def _group(s: str, j: int, end: int, separator: str) -> int:
    """The number of digits of the group that `separator` opens at j, 0 for none."""
    if not s.startswith(separator, j, end):
        return 0
    k = j + len(separator)
    stop = digit_run(s, k, min(end, k + 4))
    after = char(s, stop, end)
    if separator == " " and after in ("/", ":"):
        return 0
    if stop - k == 2:  # Indian grouping: 12,34,567
        return 2 if separator == "," and after == "," and digit(char(s, stop + 1, end)) else 0
    if stop - k == 4 and separator == ",":  # a slip such as 12,3456: the comma still joins
        return digit_run(s, k, end) - k
    return 3 if stop - k == 3 else 0


def _whole(s: str, i: int, end: int) -> tuple[int, str]:
    """A run of digits with its thousands separators: (end, digits)."""
    j = digit_run(s, i, end)
    digits = [s[i:j]]
    if j == i or j - i > 3 or s[i] == "0":
        return j, digits[0]
    separator = next((x for x in SEPARATORS if _group(s, j, end, x)), "")
    while separator and (size := _group(s, j, end, separator)):
        j += len(separator) + size
        digits.append(s[j - size : j])
    return j, "".join(digits)


def _decimal(s: str, i: int, end: int) -> tuple[int, Decimal, bool] | None:
    """Digits, decimals, exponent: (end, value, whether it was written as a whole number)."""
    j, digits = _whole(s, i, end)
    exponent = 0
    if char(s, j, end) == "." and digit(char(s, j + 1, end)):
        k = digit_run(s, j + 1, end)
        digits += s[j + 1 : k]
        exponent, j = j + 1 - k, k
        if char(s, j, end) == "." and digit(char(s, j + 1, end)):
            return None  # 1.2.3 is a version, a date or an address
    plain = exponent == 0
    if char(s, j, end) in ("e", "E"):
        power = _integer(s, j + 1, end)
        if power and not letter(char(s, power[0], end)) and not digit(char(s, power[0], end)):
            j, exponent, plain = power[0], exponent + power[1], False
        elif digit(char(s, j + 1 + (char(s, j + 1, end) in ("-", "+")), end)) and not power:
            return None
    value = bounded(decimal(digits, exponent))
    return None if value is None else (j, value, plain)


def _braced(s: str, i: int, end: int) -> tuple[int, Value, bool] | None:
    """One argument of \\frac: {12}, {-3}, or a single digit."""
    if digit(char(s, i, end)):
        return i + 1, decimal(s[i], 0), False
    if char(s, i, end) != "{":
        return None
    i = skip_spaces(s, i + 1, end)
    negative = char(s, i, end) == "-"
    i = skip_spaces(s, i + negative, end)
    found = _decimal(s, i, end) if digit(char(s, i, end)) or char(s, i, end) == "." else None
    if found is None:
        return None
    j = skip_spaces(s, found[0], end)
    return (j + 1, found[1], negative) if char(s, j, end) == "}" else None


def at_frac(s: str, i: int, end: int) -> int:
    """The position after \\frac, \\dfrac or \\tfrac, or 0."""
    if char(s, i, end) != "\\":
        return 0
    for name in ("\\frac", "\\dfrac", "\\tfrac"):
        if s.startswith(name, i, end):
            return i + len(name)
    return 0


def _frac(s: str, i: int, end: int) -> tuple[int, Value | None, bool] | None:
    """\\frac{a}{b} at i: (end, value, negative); nothing where the arguments are no numbers."""
    above = _braced(s, skip_spaces(s, at_frac(s, i, end), end), end)
    below = _braced(s, skip_spaces(s, above[0], end), end) if above else None
    if above is None or below is None:
        return None
    return below[0], quotient(above[1], below[1]), above[2] != below[2]


def _mixed(s: str, j: int, end: int, whole: Value) -> tuple[int, Value | None] | None:
    """The fraction after a whole number: 1 1/2, 1 1/2 written as one character, 1\\frac{1}{2}."""
    k = skip_spaces(s, j, min(end, j + 2))
    if char(s, k, end) in VULGAR:
        return k + 1, total(whole, Fraction(*VULGAR[s[k]]))
    if at_frac(s, k, end):
        part = _frac(s, k, end)
        return (part[0], part[1] and total(whole, part[1])) if part and not part[2] else None
    above = digit_run(s, k, end)
    below = digit_run(s, above + 1, end)
    if (
        k == j
        or above == k
        or char(s, above, end) != "/"
        or below == above + 1
        or char(s, below, end) == "/"
    ):
        return None
    part_value = quotient(decimal(s[k:above], 0), decimal(s[above + 1 : below], 0))
    return (below, total(whole, part_value)) if part_value is not None and part_value < 1 else None


def _ratio(s: str, j: int, end: int, above: Value) -> tuple[int, Value | None] | None:
    """What follows a number and a slash (3/4) or a colon (2:30 is two and a half, 3:2 a ratio)."""
    k = skip_spaces(s, j, end)
    if char(s, k, end) == "/":
        k = skip_spaces(s, k + 1, end)
        below = _decimal(s, k, end) if digit(char(s, k, end)) else None
        if below is None:
            return None
        many = char(s, below[0], end) == "/" and digit(char(s, below[0] + 1, end))
        return below[0], None if many else quotient(above, below[1])
    k = digit_run(s, j + 1, end)
    if char(s, j, end) != ":" or k == j + 1:
        return None
    minutes = decimal(s[j + 1 : k], 0)
    if char(s, k, end) == ":" and digit(char(s, k + 1, end)):
        return k, None
    if k - j == 3 and s[j + 1] < "6":
        part = quotient(minutes, decimal("60", 0))
        return k, part if part is None else total(above, part)
    return k, quotient(above, minutes)


def _exponent(s: str, i: int, end: int) -> tuple[int, int] | None:
    """What follows a caret: 3, -3, {3}."""
    if char(s, i, end) != "{":
        return _integer(s, i, end)
    found = _integer(s, i + 1, end)
    return (found[0] + 1, found[1]) if found and char(s, found[0], end) == "}" else None


def _power(s: str, j: int, end: int, value: Decimal) -> tuple[int, Value | None]:
    """x 10^k, or ^k, after a decimal."""
    if char(s, j, end) == "^" and (found := _exponent(s, j + 1, end)):
        return found[0], powered(value, found[1])
    k = skip_spaces(s, j, end)
    sign = next((x for x in _TIMES if s.startswith(x, k, end)), "")
    k = skip_spaces(s, k + len(sign), end)
    if sign and s.startswith("10^", k, end) and (found := _exponent(s, k + 3, end)):
        return found[0], shifted(value, found[1])
    return j, value


def magnitude(s: str, i: int, end: int) -> tuple[int, Value | None, bool]:
    """The number at i without sign, currency and percent: (end, value, negative)."""
    if s[i] in VULGAR:
        return i + 1, Fraction(*VULGAR[s[i]]), False
    if (skipped := at_frac(s, i, end)) > 0:
        return _frac(s, i, end) or (skipped, None, False)
    found = _decimal(s, i, end)
    if found is None:
        while i < end and (digit(s[i]) or s[i] == "."):
            i += 1
        return i, None, False
    j, value, plain = found
    tail = (_mixed(s, j, end, value) if plain else None) or _ratio(s, j, end, value)
    return (*(tail or _power(s, j, end, value)), False)


def scaled(s: str, j: int, end: int, value: Value | None) -> tuple[int, Value | None]:
    """The scale words after a number: 1.5 million, 5 hundred thousand."""
    while value is not None:
        k = j + (char(s, j, end) == "$")  # $1.5$ million
        k = skip_spaces(s, k, min(end, k + 2))
        power = SCALES.get(word_at(s, k, min(end, k + 10)), 0) if k > j else 0
        if not power or letter(char(s, word_end(s, k, end), end)):
            break
        j, value = word_end(s, k, end), shifted(value, power)
    return j, value
