"""Wordings as keys: `span` after DROP's rules, keyed by content, and `text`, nearly as written.

A span that is a number with its unit, a date or a time is keyed as such; several parts joined by
commas, semicolons or "and" are a list without order. Otherwise case, articles, punctuation and
hyphens do not count, and number words are digits.
"""

from .characters import (
    char,
    digit,
    fold,
    letter,
    plain,
    skip_spaces,
    space,
    upper,
    word_at,
    word_end,
    word_set,
)
from .choices import ARTICLES
from .dates import date_at, time_at
from .number_answers import Found
from .number_words import number_words
from .tokens import tokens
from .values import key

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
_ABBREVIATIONS = word_set(
    "st mr mrs ms dr jr sr vs no mt ft gen col lt rep sen inc ltd co prof e g i"
)
_PUNCTUATION = frozenset("!\"#$%&'()*+,./:;<=>?@[\\]^_`{|}~")


def _trim(s: str, a: int, b: int) -> tuple[int, int]:
    """The stretch without outer spaces, markup, quotes and its last full stop."""
    while a < b and (space(s[a]) or s[a] in "*`\"'"):
        a += 1
    while b > a and (space(s[b - 1]) or s[b - 1] in "*`\"'.!?,;"):
        b -= 1
    return a, b


def _number_span(s: str, a: int, b: int) -> str | None:
    """The key of a number followed by nothing but units."""
    token = next(tokens(s, a, b), None) if not letter(s[a]) else None
    if token and token.value is not None and token.start == a:
        end, found = token.end, key(token.value, token.negative)
    elif letter(s[a]) and (words := number_words(s, a, b)):
        end, found = words.end, key(words.value)
    else:
        return None
    while end < b:
        if letter(s[end]):
            if word_at(s, end, b) not in _UNITS:
                return None
            end = word_end(s, end, b)
        elif space(s[end]) or s[end] in "-.%":
            end += 1
        else:
            return None
    return found


def _content(s: str, a: int, b: int) -> str | None:
    """The key of a date, a time or a number that fills the stretch."""
    i = a
    while letter(char(s, i, b)) and word_at(s, i, b) in _LEADS:
        i = skip_spaces(s, word_end(s, i, b), b)
    if i >= b:
        return None
    for found in (date_at(s, i, b), time_at(s, i, b)):
        if found and found.end == b:
            return found.key
    return _number_span(s, i, b)


def _token_key(s: str, original: str, i: int, j: int) -> str:
    """One word of a span: a number in digits, else its letters."""
    token = (
        next(tokens(s, i, j), None)
        if digit(s[i]) or (char(s, i + 1, j) and digit(s[j - 1]))
        else None
    )
    if token and token.start == i and token.end == j and token.value is not None:
        return key(token.value, token.negative)[4:]
    return "".join(c for c in plain(original[i:j]) if c not in _PUNCTUATION)


def _words(s: str, original: str, a: int, b: int) -> list[str]:
    words, i = [], a
    while i < b:
        if space(s[i]) or s[i] == "-":
            i += 1
            continue
        spelled = number_words(s, i, b) if letter(s[i]) and not letter(char(s, i - 1, b)) else None
        if (
            spelled
            and word_at(s, i, b) not in ("half", "a", "an")
            and not digit(char(s, spelled.end, b))
        ):
            words.append(key(spelled.value)[4:])
            i = spelled.end
            continue
        j = i
        while j < b and not space(s[j]) and s[j] != "-":
            j += 1
        words.append(_token_key(s, original, i, j))
        i = j
    return [word for word in words if word]


def _symbols(text: str) -> str:
    """Symbols alone, such as closing brackets, count as written."""
    return " ".join(word for word in plain(text).split(" ") if word)


def _span(s: str, original: str, a: int, b: int) -> str | None:
    a, b = _trim(s, a, b)
    if a >= b:
        return None
    if content := _content(s, a, b):
        return content
    words = _words(s, original, a, b)
    kept = [word for word in words if word not in ARTICLES] or words
    return "span:" + (" ".join(kept) or _symbols(original[a:b]))


def _separator(s: str, i: int, a: int, b: int) -> int:
    """The width of what separates two parts at i: ", ", ";", a line end, " and ", " & "."""
    if s[i] in ";\n" or (s[i] == "," and (i + 1 == b or space(s[i + 1]))):
        return 1
    if i == a or not space(s[i - 1]):
        return 0
    width = 1 if s[i] == "&" else 3 if word_at(s, i, b) == "and" else 0
    return width if width and space(char(s, i + width, b)) else 0


def _parts(s: str, a: int, b: int) -> list[tuple[int, int]]:
    parts, start, i = [], a, a
    while i < b:
        width = _separator(s, i, a, b)
        if width:
            parts.append((start, i))
            start = i + width
        i = i + width if width else word_end(s, i, b) if letter(s[i]) else i + 1
    return [*parts, (start, b)]


def span_key(original: str) -> str | None:
    s = fold(original)
    a, b = _trim(s, 0, len(s))
    if a < b and (content := _content(s, a, b)):
        return content
    keys = sorted({found for i, j in _parts(s, a, b) if (found := _span(s, original, i, j))})
    return None if not keys else keys[0] if len(keys) == 1 else "list:" + "|".join(keys)


def text_key(original: str) -> str | None:
    """Case, runs of spaces, outer quotes and markup, a last full stop and ", " do not count."""
    s = plain(original)
    a, b = 0, len(s)
    before = None
    while (a, b) != before:
        before = (a, b)
        a, b = skip_spaces(s, a, b), b
        while b > a and s[b - 1] == " ":
            b -= 1
        if b - a >= 4 and s[a : a + 2] == "**" == s[b - 2 : b]:
            a, b = a + 2, b - 2
        elif b - a >= 3 and s[a] == s[b - 1] and s[a] in "'*":
            a, b = a + 1, b - 1
        elif b - a >= 2 and (s[a] in '"`' or s[b - 1] in '"`'):
            a, b = a + (s[a] in '"`'), b - (s[b - 1] in '"`')
        elif b - a >= 2 and s[b - 1] == "." and s[b - 2] not in " .":
            b -= 1
    words = s[a:b].replace(", ", " ").split(" ")
    joined = " ".join(word for word in words if word)
    return "text:" + joined if joined else None


def wording(s: str, a: int, b: int) -> Found | None:
    """The stretch that a value says, up to the end of its sentence; keyed by the caller."""
    i, stop = a, b
    while i < b:
        if s[i] in ".!?" and (i + 1 >= b or space(s[i + 1])) and not _abbreviates(s, a, i, b):
            stop = i
            break
        i += 1
    while stop > a and (space(s[stop - 1]) or s[stop - 1] in "*`"):
        stop -= 1
    return Found(a, stop, "") if stop > a else None


def _abbreviates(s: str, a: int, i: int, b: int) -> bool:
    """Whether the full stop at i belongs to an abbreviation or an initial and the sentence goes on."""
    j = i
    while j > a and letter(s[j - 1]) and i - j < 6:
        j -= 1
    following = char(s, skip_spaces(s, i + 1, b), b)
    if s[i] != "." or following == "\0":
        return False
    initial = i - j == 1 and upper(s[j])
    return (
        initial
        or word_at(s, j, i) in _ABBREVIATIONS
        or (i > j and not upper(following) and letter(following))
    )
