"""\\boxed{...} and \\fbox{...}: the position and content of boxes, and which boxes form a list.

"(a) \\boxed{3}, (b) \\boxed{5}" is one answer of two parts. Boxes with other words between them are not
joined, since a later box may replace an earlier one.
"""

from .characters import char, digit, letter, skip_spaces, space, word_at, word_end, word_set

_NAMES = ("\\boxed", "\\fbox")
_BETWEEN = word_set(
    "and or part question problem case first second third text mbox quad qquad ii iii iv"
)
GAP = 60  # maximum number of characters between two boxes of a list
REACH = 400  # maximum number of characters in a box of a list


def box_name(s: str, i: int, end: int) -> int:
    """The width of "\\boxed" or "\\fbox" at i, or 0."""
    name = next((x for x in _NAMES if s.startswith(x, i, end)), "")
    return 0 if letter(char(s, i + len(name), end)) else len(name)


def closing_brace(s: str, i: int, end: int) -> int:
    """The position of the brace that closes the one at i, or -1."""
    depth = 0
    for k in range(i, end):
        depth += (s[k] == "{") - (s[k] == "}")
        if depth == 0:
            return k
    return -1


def _joins(s: str, a: int, b: int) -> bool:
    """Whether the text between two boxes only joins them: ", ", " and ", "(b) ", ", y = "."""
    named, i = False, a
    while i < b:
        if letter(s[i]):
            word = word_at(s, i, b)
            if len(word) > 1 and word not in _BETWEEN:
                return False
            named, i = True, word_end(s, i, b)
        elif digit(s[i]) or space(s[i]) or s[i] in ",;.:&()[]{}$%\\_" or (s[i] == "=" and named):
            i += 1
        else:
            return False
    return b - a <= GAP


def _box_before(s: str, i: int) -> int:
    """The start of the box that precedes the box at i in a list, or -1."""
    start = max(s.rfind(name, max(0, i - REACH - GAP), i) for name in _NAMES)
    if start < 0:
        return -1
    brace = skip_spaces(s, start + box_name(s, start, i), i)
    close = closing_brace(s, brace, i) if char(s, brace, i) == "{" else -1
    return start if close >= 0 and _joins(s, close + 1, i) else -1


def list_start(s: str, i: int) -> int:
    """The start of the list of boxes that ends with the box at i; i if there is only this box."""
    while (before := _box_before(s, i)) >= 0:
        i = before
    return i


def contents(s: str, i: int, end: int) -> list[tuple[int, int]]:
    """The contents of the boxes in s[i:end] as (start, end)."""
    found = []
    while i < end:
        brace = skip_spaces(s, i + box_name(s, i, end), end) if s[i] == "\\" else i
        close = closing_brace(s, brace, end) if brace > i and char(s, brace, end) == "{" else -1
        if close >= 0:
            found.append((brace + 1, close))
        i = max(close, i) + 1
    return found
