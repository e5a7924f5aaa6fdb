"""Finds all numbers in a range of folded text, with their signs, currency signs and percent signs.

Digits that belong to a word, an index or an exponent (H2O, x_2, cm^2, covid-19) are not numbers.
number_answers decides which number is the answer.
"""

from collections.abc import Iterator
from typing import NamedTuple

from .characters import ROOT, char, digit, letter, skip_spaces, space, word_at, word_set
from .numbers import VULGAR, at_frac, magnitude
from .powers import scaled
from .values import Decimal, Value, shifted

CURRENCY_WORDS = word_set("rs usd inr eur gbp us cad aud")
CURRENCY_SIGNS = "$\xa2\xa3\xa4\xa5"


class Token(NamedTuple):
    """A number in a text: its span, which includes sign, currency sign and percent sign, and its exact value."""

    start: int
    magnitude: int
    end: int
    value: Value | None
    negative: bool


def _attached(s: str, m: int, first: int) -> bool:
    """Whether the digits at m belong to a word, an index or an exponent (H2O, x_2, cm^2, covid-19)."""
    before, further = char(s, m - 1, m), char(s, m - 2, m)
    if m <= first:
        return False
    if letter(before):
        k = m
        while k > first and letter(s[k - 1]):
            k -= 1
        return char(s, k - 1, m) != "\\" and word_at(s, k, m) not in CURRENCY_WORDS
    if before == "_":
        return letter(further) or digit(further) or further == "}"
    if before in ("^", ROOT) or (before == "{" and further in ("^", "_")):
        return True
    return before == "-" and m - 2 >= first and letter(further)


def _sign_and_currency(s: str, m: int, first: int) -> tuple[int, bool, bool]:
    """Finds the sign and the currency sign before the magnitude at m: (start, negative, currency)."""
    i, negative, currency = m, False, False
    for _ in range(2):
        k = i - (i > first and space(s[i - 1]))
        if not currency and k > first and s[k - 1] in CURRENCY_SIGNS:
            currency = True
            i = k - 1 - (k - 1 > first and s[k - 2] == "\\")
        elif not negative and i > first and s[i - 1] == "-" and not _joins(s, i - 2, first):
            negative = True
            i -= 1
    if not negative and i > first and space(s[i - 1]):
        i, negative = _sign_apart(s, i, first)
    return i, negative, currency


def _joins(s: str, i: int, first: int) -> bool:
    """Whether a dash after position i joins a number to the text before it and is not its sign: 5-3, a)-3."""
    return i >= first and (letter(s[i]) or digit(s[i]) or s[i] in ")}-]%")


def _sign_apart(s: str, i: int, first: int) -> tuple[int, bool]:
    """Finds a sign that a space separates from its number: "minus 80", "negative 80", or "- 80" at the start.

    A dash at the start of a line is not a sign but the bullet of a list item.
    """
    k = i - 1
    if k > first and s[k - 1] == "-":
        opens = (
            all(space(c) or c in "*(\\[{$:" for c in s[first : k - 1][-4:]) and k - 1 - first <= 4
        )
        return (k - 1, True) if opens and "\n" not in s[max(first - 1, 0) : k] else (i, False)
    start = k
    while start > first and letter(s[start - 1]):
        start -= 1
    if word_at(s, start, k) not in ("minus", "negative"):
        return i, False
    back = start
    while back > first and space(s[back - 1]):
        back -= 1
    return (i, False) if back > first and digit(s[back - 1]) else (start, True)


def _begins(s: str, i: int, end: int, first: int) -> bool:
    """Whether a magnitude begins at i."""
    if digit(s[i]) or s[i] in VULGAR or at_frac(s, i, end):
        return True
    before = char(s, i - 1, i) if i > first else "\0"
    return (
        s[i] == "."
        and digit(char(s, i + 1, end))
        and not (letter(before) or digit(before) or before == ".")
    )


def token(s: str, m: int, end: int, first: int) -> Token:
    """The number whose magnitude begins at m; its sign and currency sign are searched from m back to `first`."""
    j, value, flipped = magnitude(s, m, end)
    start, negative, currency = _sign_and_currency(s, m, first)
    if currency and isinstance(value, Decimal) and not letter(char(s, j + 1, end)):
        power = {"k": 3, "K": 3, "m": 6, "M": 6, "b": 9, "B": 9}.get(char(s, j, end), 0)
        j, value = (j + 1, shifted(value, power)) if power else (j, value)
    j, value = scaled(s, j, end, value)
    k = skip_spaces(s, j, min(end, j + 1))
    k += char(s, k, end) == "\\" and char(s, k + 1, end) == "%"
    j = k + 1 if char(s, k, end) == "%" else j
    return Token(start, m, j, value, negative != flipped)


def tokens(s: str, i: int, end: int) -> Iterator[Token]:
    """All numbers of s[i:end], left to right; an unparsable one has no value."""
    first = i
    while i < end:
        if not _begins(s, i, end, first):
            i += 1
        elif digit(s[i]) and _attached(s, i, first):
            while i < end and (digit(s[i]) or letter(s[i])):
                i += 1
        else:
            found = token(s, i, end, first)
            yield found
            i = max(found.end, i + 1)
