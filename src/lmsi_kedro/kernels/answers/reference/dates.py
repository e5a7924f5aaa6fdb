"""Parses dates and times of day in a folded text to keys.

`date:2022-10-02`, `date:2022-10`, `date:2022`, `date:--10-02` (no year), `time:14:00`. With slashes the
month is first unless that is impossible; two-digit years are not dates. A date that does not exist
(29 February 2023) has no key, and neither does any part of it.
"""

from .characters import (
    char,
    digit,
    digit_run,
    letter,
    lowered,
    skip_spaces,
    word_at,
    word_end,
    word_set,
)
from .number_answers import Found

_NAMES = "january february march april may june july august september october november december"
MONTHS = {name: i for i, name in enumerate(_NAMES.split(" "), 1)}
MONTHS |= {name[:3]: i for i, name in enumerate(_NAMES.split(" "), 1)} | {"sept": 9}
_DAYS = word_set(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri "
    "sat sun"
)
_SUFFIXES = frozenset(("st", "nd", "rd", "th"))
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NO_YEAR = -1
Part = tuple[int, int]  # end, number


def _leap(year: int) -> bool:
    return year == NO_YEAR or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def _date_key(year: int, month: int, day: int) -> str | None:
    """The key of a date, or None if the date does not exist; day 0 means that the day is not given."""
    if not 1 <= month <= 12 or year == 0:
        return None
    if day > _LENGTHS[month - 1] - (month == 2 and not _leap(year)):
        return None
    if year == NO_YEAR:
        return f"date:--{month:02d}-{day:02d}" if day else None
    return f"date:{year:04d}-{month:02d}" + (f"-{day:02d}" if day else "")


def _number(s: str, i: int, end: int, most: int) -> Part | None:
    j = digit_run(s, i, min(end, i + most + 1))
    return (j, int(s[i:j])) if 0 < j - i <= most else None


def _month(s: str, i: int, end: int) -> Part | None:
    month = MONTHS.get(word_at(s, i, min(end, i + 10)))
    j = word_end(s, i, end)
    j += bool(month) and char(s, j, end) == "." and j - i <= 4
    return (j, month) if month else None


def _day(s: str, i: int, end: int) -> Part | None:
    """A day of the month: 2 or 2nd."""
    found = _number(s, i, end, 2)
    if found is None or found[1] == 0:
        return None
    j = word_end(s, found[0], end)
    suffix = word_at(s, found[0], min(end, found[0] + 3))
    if suffix and suffix not in _SUFFIXES:
        return None
    return j, found[1]


def _year(s: str, i: int, end: int) -> Part | None:
    """A year of three or four digits, possibly after a comma or "of"."""
    i = skip_spaces(s, i, end)
    i += char(s, i, end) == ","
    i = skip_spaces(s, i, end)
    if word_at(s, i, end) == "of":
        i = skip_spaces(s, i + 2, end)
    found = _number(s, i, end, 4)
    if (
        found is None
        or found[0] - i < 3
        or letter(char(s, found[0], end))
        or char(s, found[0], end) == ":"
    ):
        return None
    return found


def _month_first(s: str, i: int, end: int) -> tuple[int, str | None] | None:
    """A date with the month first: October 2, 2022; October 2; October 2022."""
    month = _month(s, i, end)
    if month is None:
        return None
    j = skip_spaces(s, month[0], end)
    day = _day(s, j, end)
    year = _year(s, day[0] if day else month[0], end)
    if not day and not year:
        return None
    stop = year[0] if year else day[0] if day else j
    return stop, _date_key(year[1] if year else NO_YEAR, month[1], day[1] if day else 0)


def _day_first(s: str, i: int, end: int) -> tuple[int, str | None] | None:
    """A date with the day first: 2 October 2022; the 2nd of October."""
    day = _day(s, i, end)
    if day is None:
        return None
    j = skip_spaces(s, day[0], end)
    if word_at(s, j, end) == "of":
        j = skip_spaces(s, j + 2, end)
    month = _month(s, j, end) if j > day[0] else None
    if month is None:
        return None
    year = _year(s, month[0], end)
    return (year or month)[0], _date_key(year[1] if year else NO_YEAR, month[1], day[1])


def _numeric(s: str, i: int, end: int) -> tuple[int, str | None] | None:
    """A date in digits: 2022-10-02, 2022/10/02, 10/02/2022, 2.10.2022."""
    first = _number(s, i, end, 4)
    mark = char(s, first[0], end) if first else ""
    second = _number(s, first[0] + 1, end, 2) if first and mark in ("-", "/", ".") else None
    third = (
        _number(s, second[0] + 1, end, 4) if second and char(s, second[0], end) == mark else None
    )
    if first is None or second is None or third is None or digit(char(s, third[0], end)):
        return None
    if first[0] - i == 4:
        return third[0], _date_key(first[1], second[1], third[1]) if third[1] else None
    if third[0] - second[0] != 5 or first[0] - i > 2 or not first[1] or not second[1]:
        return None
    month, day = (second[1], first[1]) if mark == "." or first[1] > 12 else (first[1], second[1])
    return third[0], _date_key(third[1], month, day)


def date_at(s: str, i: int, end: int) -> tuple[int, str | None] | None:
    """The date that begins at i, possibly with a weekday: (end, key); no key if the day does not exist."""
    if word_at(s, i, min(end, i + 10)) in _DAYS:
        i = word_end(s, i, end)
        i += char(s, i, end) in (",", ".")
        i = skip_spaces(s, i, end)
        if word_at(s, i, min(end, i + 4)) == "the":
            i = skip_spaces(s, i + 3, end)
    return _month_first(s, i, end) or _numeric(s, i, end) or _day_first(s, i, end)


def date_value(s: str, a: int, b: int) -> Found | None:
    """The first date of s[a:b], or the year that is its only number."""
    year, i, numbers = None, a, 0
    while i < b:
        if not letter(s[i]) and not digit(s[i]):
            i += 1
            continue
        if found := date_at(s, i, b):
            return Found(i, found[0], found[1]) if found[1] else None
        j = digit_run(s, i, b) if digit(s[i]) else word_end(s, i, b)
        if (
            year is None
            and j - i == 4
            and digit(s[i])
            and not letter(char(s, j, b))
            and s[i] != "0"
        ):
            year = Found(i, j, "date:" + s[i:j])
        numbers += digit(s[i])
        i = j
    return year if numbers == 1 else None


def time_at(s: str, i: int, end: int) -> Found | None:
    """The time of day at i: 2:00 pm, 14:00, 2 pm, 2 o'clock."""
    hour = _number(s, i, end, 2)
    if hour is None:
        return None
    j, minute = hour[0], 0
    if char(s, j, end) == ":":
        part = _number(s, j + 1, end, 2)
        if part is None or part[0] - j != 3 or part[1] > 59 or char(s, part[0], end) == ":":
            return None
        j, minute = part
    named = skip_spaces(s, j, end)
    half, stop = _half(s, named, end)
    if hour[1] > (12 if half else 23) or (not half and j == hour[0]) or (half and not hour[1]):
        return None
    at = hour[1] if half in ("", "o'clock") else hour[1] % 12 + 12 * (half == "pm")
    return Found(i, stop if half else j, f"time:{at:02d}:{minute:02d}")


def _half(s: str, i: int, end: int) -> tuple[str, int]:
    """am, pm, a.m., p.m. or o'clock at i: (which, end)."""
    for spelling in ("a.m.", "p.m.", "a.m", "p.m", "am", "pm", "o'clock"):
        j = i + len(spelling)
        if lowered(s[i : min(j, end)]) == spelling and not letter(char(s, j, end)):
            return spelling.replace(".", ""), j
    return "", i
