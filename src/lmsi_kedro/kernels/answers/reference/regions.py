"""Finds the start and end of an announced value.

The value is the rest of the line, or the first non-empty line, without the label of a list item ("1. 18",
"Part 1: 18"). A list of several items is unparsable.
"""

from .announcements import Trigger
from .characters import (
    IGNORED,
    char,
    digit_run,
    letter,
    skip_spaces,
    space,
    word_at,
    word_end,
    word_set,
)

MARKUP = '*`":#_' + IGNORED
_LABELS = word_set(
    "part question problem exercise example item case task step round day week month year"
)


def _content(s: str, trigger: Trigger) -> tuple[int, bool]:
    """The position of the value's first character after markup, and whether it begins a new line."""
    i, fresh = trigger.value, False
    while i < trigger.stop:
        if s[i] == "\n":
            if trigger.form == "####":
                break
            fresh = True
        elif s.startswith(("$$", "\\[", "\\("), i, trigger.stop):
            i += 1
        elif not space(s[i]) and s[i] not in MARKUP:
            break
        i += 1
    return i, fresh


def _line_end(s: str, i: int, stop: int) -> int:
    """The end of the line, or the closing tag in it: </answer>, [/ANSWER]."""
    while i < stop and s[i] != "\n":
        if s[i] in "<[" and char(s, i + 1, stop) == "/" and letter(char(s, i + 2, stop)):
            break
        i += 1
    return i


def _lone_number(s: str, i: int, end: int) -> bool:
    """Whether the rest of a line is only a number in digits."""
    while i < end and (space(s[i]) or s[i] in "*$-"):
        i += 1
    j = digit_run(s, i, end)
    return j > i and all(c in "0123456789.,*$%" or space(c) for c in s[j:end])


def label_end(s: str, i: int, end: int, opens: bool) -> int:
    """The start of the value after the label of a list item ("1. ", "(1) ", "Part 1: "), or i if there is none.

    `opens`: the label begins a line. Elsewhere "1. " may end a sentence, so it is a label only before a number.
    """
    word = word_at(s, i, end) in _LABELS
    j = skip_spaces(s, word_end(s, i, end), end) if word else i
    bracket = char(s, j, end) == "("
    k = digit_run(s, j + bracket, min(end, j + bracket + 3))
    mark = char(s, k, end)
    value = skip_spaces(s, k + 1, end)
    if not 0 < k - j - bracket <= 2 or value in (k + 1, end) or mark not in ".):":
        return i
    sure = opens or mark == ")" or (_lone_number(s, value, end) if mark == "." else word)
    return value if sure and (mark == ")" or not bracket) else i


def _another_item(s: str, i: int, end: int, stop: int) -> bool:
    """Whether s[i:end] contains a second list item, or the next non-empty line begins with one."""
    for k in range(i + 1, end):
        if space(s[k - 1]) and label_end(s, k, end, True) > k:
            return True
    i = end
    while i < stop and (space(s[i]) or s[i] in MARKUP):
        i += 1
    return label_end(s, i, _line_end(s, i, stop), True) > i


def value_region(s: str, trigger: Trigger) -> tuple[int, int, bool]:
    """The range of the value: (start, end, whether the label of a list item was skipped)."""
    i, fresh = _content(s, trigger)
    if trigger.form in ("boxed", "boxes"):
        return i, trigger.stop, False
    end = _line_end(s, i, trigger.stop)
    value = label_end(s, i, end, fresh or trigger.form == "####")
    if value == i:
        return i, end, False
    if _another_item(s, value, end, trigger.stop):
        return end, end, True
    while value < end and (space(s[value]) or s[value] in MARKUP):
        value += 1
    return value, end, True
