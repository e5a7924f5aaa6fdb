"""Parses the magnitude at a position of a folded text exactly.

It handles digits with thousands separators, decimals, exponents, fractions, mixed numbers, times and ratios. A
comma between digits that does not separate thousands makes a number unparsable: 3,5 may be 3.5, 35, or 3 and 5.
Signs, currency signs and percent signs are handled in tokens.py.
"""

from fractions import Fraction

from .characters import (
    NO_BREAK,
    char,
    digit,
    digit_run,
    letter,
    skip_spaces,
    word_at,
)
from .number_words import and_a_half
from .powers import integer, power
from .values import Decimal, Value, bounded, decimal, quotient, total

VULGAR = {
    "\xbc": (1, 4), "\xbd": (1, 2), "\xbe": (3, 4), "\x84": (1, 3), "\x85": (2, 3), "\x86": (1, 5),
    "\x87": (2, 5), "\x88": (3, 5), "\x89": (4, 5), "\x8a": (1, 6), "\x8b": (5, 6), "\x8c": (1, 8),
    "\x8d": (3, 8), "\x8e": (5, 8), "\x8f": (7, 8),
}  # fmt: skip
SEPARATORS = ("{,}", ",\\!", "\\,", ",", NO_BREAK, " ", "_", "'")


def _group(s: str, j: int, end: int, separator: str) -> int:
    """The number of digits in the group after `separator` at j, or 0."""
    if not s.startswith(separator, j, end):
        return 0
    k = j + len(separator)
    stop = digit_run(s, k, min(end, k + 4))
    after = char(s, stop, end)
    if separator == " " and after in ("/", ":"):
        return 0
    if stop - k == 2:  # Indian grouping: 12,34,567
        return 2 if separator == "," and after == "," and digit(char(s, stop + 1, end)) else 0
    return 3 if stop - k == 3 else 0


def _whole(s: str, i: int, end: int) -> tuple[int, str]:
    """Reads a run of digits with thousands separators: (end, digits without the separators)."""
    j = digit_run(s, i, end)
    digits = [s[i:j]]
    if j == i or j - i > 3 or s[i] == "0":
        return j, digits[0]
    separator = next((x for x in SEPARATORS if _group(s, j, end, x)), "")
    while separator and (size := _group(s, j, end, separator)):
        j += len(separator) + size
        digits.append(s[j - size : j])
    return j, "".join(digits)


def _mark(s: str, j: int, end: int, mark: str) -> int:
    """The width of a comma or point before a digit at j, perhaps in braces (3{,}5), or 0."""
    if char(s, j, end) == mark and digit(char(s, j + 1, end)):
        return 1
    return 3 if s.startswith(f"{{{mark}}}", j, end) and digit(char(s, j + 3, end)) else 0


def _decimal(s: str, i: int, end: int) -> tuple[int, Decimal, bool] | None:
    """Parses digits, decimals and an exponent: (end, value, whether they were written as a whole number)."""
    j, digits = _whole(s, i, end)
    exponent = 0
    if width := _mark(s, j, end, "."):
        k = digit_run(s, j + width, end)
        digits += s[j + width : k]
        exponent, j = j + width - k, k
        if _mark(s, j, end, "."):
            return None  # 1.2.3 is a version, a date or an address
    if _mark(s, j, end, ","):
        return None  # 3,5 is ambiguous
    plain = exponent == 0
    if char(s, j, end) in ("e", "E"):
        written = integer(s, j + 1, end)
        if written and not letter(char(s, written[0], end)) and not digit(char(s, written[0], end)):
            j, exponent, plain = written[0], exponent + written[1], False
        elif digit(char(s, j + 1 + (char(s, j + 1, end) in ("-", "+")), end)) and not written:
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
    """Parses \\frac{a}{b} at i: (end, value, negative); None if the arguments are not numbers."""
    above = _braced(s, skip_spaces(s, at_frac(s, i, end), end), end)
    below = _braced(s, skip_spaces(s, above[0], end), end) if above else None
    if above is None or below is None:
        return None
    return below[0], quotient(above[1], below[1]), above[2] != below[2]


def _mixed(s: str, j: int, end: int, whole: Value) -> tuple[int, Value | None] | None:
    """The fraction after a whole number: 1 1/2, 1\\frac{1}{2}, 1 and 1/2, or a fraction in one character."""
    k = skip_spaces(s, j, min(end, j + 2))
    if k > j and word_at(s, k, end) == "and":
        k += 3
        if half := and_a_half(s, k, end):
            return half, total(whole, Fraction(1, 2))
        k = skip_spaces(s, k, end)
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
    """The number `above` divided by the number after a slash (3/4) or a colon (the ratio 3:2): (end, value).

    If a colon is followed by two digits below 60, the number is a time: 2:30 is two and a half.
    """
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


def magnitude(s: str, i: int, end: int) -> tuple[int, Value | None, bool]:
    """The number at i without sign, currency sign and percent sign: (end, value, negative)."""
    if s[i] in VULGAR:
        return i + 1, Fraction(*VULGAR[s[i]]), False
    if skipped := at_frac(s, i, end):
        return _frac(s, i, end) or (skipped, None, False)
    found = _decimal(s, i, end)
    if found is None:
        return _unparsable(s, i, end), None, False
    j, value, plain = found
    tail = (_mixed(s, j, end, value) if plain else None) or _ratio(s, j, end, value)
    return (*(tail or power(s, j, end, value)), False)


def _unparsable(s: str, i: int, end: int) -> int:
    """The end of a run of digits with points and commas between them, which is not a number."""
    i = digit_run(s, i, end)
    while width := _mark(s, i, end, ".") or _mark(s, i, end, ","):
        i = digit_run(s, i + width, end)
    return i
