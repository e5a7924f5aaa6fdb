"""Finds the number with its unit, the date or the time inside the brackets and markup of a span.

Ambiguous numbers ("1,5"), days that do not exist, NaN and infinity have no key, and are not compared as wordings.
"""

from .characters import (
    ALMOST,
    AT_LEAST,
    AT_MOST,
    INFINITY,
    char,
    digit,
    letter,
    lowered,
    raised,
    skip_spaces,
    space,
    word_at,
    word_end,
    word_set,
)
from .dates import date_at, time_at
from .number_words import number_words
from .tokens import CURRENCY_SIGNS, tokens
from .values import key

NO_KEY = ""
_LEADS = word_set("on in the about approximately around")
_UNITS = word_set(
    "yard yards yd yds point points goal goals touchdown touchdowns td tds pass passes carry "
    "carries catch catches reception receptions interception interceptions sack sacks quarter "
    "quarters play plays drive drives game games win wins loss losses year years month months "
    "week weeks day days hour hours minute minutes second seconds percent percentage people "
    "person persons men women children soldiers troops households families units dollar dollars "
    "cent cents euro euros pound pounds mile miles kilometer kilometers kilometre kilometres km "
    "meter meters metre metres cm mm feet foot ft inch inches degree degrees kg gram grams ton "
    "tons tonnes times square total more fewer less field old yard"
)  # fmt: skip
_WRAPPERS = word_set("text textbf textit mathrm mathbf mathsf mbox")
_RELATIONS = {"<": "<", ">": ">", AT_MOST: "<=", AT_LEAST: ">="}
_MARKS = "-.%\xb0" + CURRENCY_SIGNS
LAYERS = 4  # maximum nesting of brackets and quotes


def _unquoted(s: str, a: int, b: int) -> tuple[int, int]:
    """The range without outer spaces, markup, quotes and closing punctuation."""
    while a < b and (space(s[a]) or s[a] in "*`\"'"):
        a += 1
    while b > a and (space(s[b - 1]) or s[b - 1] in "*`\"'.!?,;"):
        b -= 1
    return a, b


def _partner(s: str, a: int, b: int, step: int) -> int:
    """The position of the bracket that matches the first (step 1) or last (step -1) one, or -1."""
    depth = 0
    for i in range(a, b) if step > 0 else range(b - 1, a - 1, -1):
        depth += (s[i] in "([{") - (s[i] in ")]}")
        if depth == 0:
            return i
    return -1


def _unbracketed(s: str, a: int, b: int) -> tuple[int, int]:
    """The range without a pair of outer brackets, or without an unmatched outer bracket."""
    if s[a] == "<" and s[b - 1] == ">":
        return a + 1, b - 1
    start = a + (s[a] == "\\")
    if start > a and word_at(s, start, b) in _WRAPPERS:
        start = word_end(s, start, b)
    last = b - 1 - (char(s, b - 2, b) == "\\")
    opens, closes = char(s, start, b) in "([{", s[b - 1] in ")]}"
    if opens and closes and _partner(s, start, b, 1) == b - 1:
        return start + 1, last
    if opens and _partner(s, start, b, 1) < 0:
        return start + 1, b
    return (a, last) if closes and _partner(s, a, b, -1) < 0 else (a, b)


def trim(s: str, a: int, b: int) -> tuple[int, int]:
    """The range without outer spaces, markup, quotes, brackets and closing punctuation.

    A range without letters and digits, such as closing brackets, keeps its brackets.
    """
    a, b = _unquoted(s, a, b)
    if not any(letter(c) or digit(c) for c in s[a:b]):
        return a, b
    for _ in range(LAYERS):
        a, b = _unquoted(s, *_unbracketed(s, a, b)) if a < b else (a, b)
    return a, b


def _after_units(s: str, i: int, b: int) -> int:
    """The position after all unit words, currency signs, percent signs and degree signs that begin at i."""
    while i < b:
        if letter(s[i]):
            if word_at(s, i, b) not in _UNITS:
                break
            i = word_end(s, i, b)
        elif space(s[i]) or s[i] in _MARKS or (raised(s[i]) and letter(s[i - 1])):  # km2
            i += 1
        else:
            break
    return i


def _number(s: str, a: int, b: int) -> str | None:
    """The key of a number followed only by units."""
    a += s[a] == "+"
    signed = not letter(char(s, a, b)) or word_at(s, a, b) in ("minus", "negative")
    token = next(tokens(s, a, b), None) if signed else None
    if token and token.start == a:
        end = token.end
        found = key(token.value, token.negative) if token.value is not None else None
        if found is None and "," in s[a:end]:
            found = NO_KEY
    elif letter(char(s, a, b)) and (words := number_words(s, a, b)):
        end, found = words.end, key(words.value)
    else:
        return None
    return found if _after_units(s, end, b) == b else None


def _related(s: str, i: int, b: int) -> str | None:
    """The key of a number after a relation (<50, >= 50), which is a different answer from the number alone."""
    sign = _RELATIONS.get(s[i], "")
    if not sign:
        return None
    equal = char(s, i + 1, b) == "="
    i = skip_spaces(s, i + 1 + equal, b)
    found = _number(s, i, b) if i < b else None
    return found and f"span:{sign}{'=' * equal}{found[4:]}"


def _unbounded(s: str, i: int, b: int) -> bool:
    """Whether the range is NaN or infinity as written in data files."""
    i += s[i] in "+-"
    return lowered(s[i:b]) in ("nan", "inf", "infinity", INFINITY)


def content(s: str, a: int, b: int) -> str | None:
    """The key of a range that is a date, a time or a number; NO_KEY if it is one of these but has no key."""
    i = a
    while word_at(s, i, b) in _LEADS or char(s, i, b) in ("~", ALMOST):
        i = skip_spaces(s, max(word_end(s, i, b), i + 1), b)
    if i >= b:
        return None
    date, time = date_at(s, i, b), time_at(s, i, b)
    if date and date[0] == b:
        return date[1] or NO_KEY
    if time and time.end == b:
        return time.key
    if _unbounded(s, i, b):
        return NO_KEY
    found = _number(s, i, b)
    return _related(s, i, b) if found is None else found
