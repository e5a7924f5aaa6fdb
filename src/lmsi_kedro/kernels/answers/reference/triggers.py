"""Finds where a completion announces an answer: by words, by ####, or in \\boxed{}.

A completion is parsed up to an invented next question. Triggers are tried from the last to the
first; the first one whose value can be parsed counts.
"""

from collections.abc import Iterator

from .announcements import Trigger, answers, correct, option
from .boxes import box_name, closing_brace, list_start
from .characters import char, digit, skip_spaces, space

_ASKERS = ("Question", "Human", "User", "Q")


def _asks(s: str, i: int) -> bool:
    """Whether the line at i begins an invented question: "Q:", "Question 2:", "Human:"."""
    name = next((x for x in _ASKERS if s.startswith(x, i)), "")
    j = skip_spaces(s, i + len(name), min(len(s), i + len(name) + 1))
    for _ in range(3):
        j += digit(char(s, j, len(s)))
    return bool(name) and char(s, j, len(s)) == ":"


def readable_end(s: str) -> int:
    """The end of the model's answer to its own question: an invented question, an end mark, or the end of s."""
    blank = True
    for i, c in enumerate(s):
        if c == "\n" and not blank and _asks(s, i + 1):
            return i
        if c == "<" and not blank and (s.startswith("</s>", i) or s.startswith("<|", i)):
            return i
        blank = blank and space(c)
    return len(s)


def _box(s: str, i: int, end: int, limit: int) -> Trigger | None:
    """A list of boxes, or one box up to its closing brace; without a brace before `limit`, the box stays open."""
    width = box_name(s, i, end)
    j = skip_spaces(s, i + width, end)
    if not width or char(s, j, end) != "{":
        return Trigger(j, end, "boxed") if width else None
    close = closing_brace(s, j, limit)
    if close < 0:
        return Trigger(j + 1, end, "boxed")
    first = list_start(s, i)
    return Trigger(j + 1, close, "boxed") if first == i else Trigger(first, close + 1, "boxes")


def _hashes(s: str, i: int, end: int) -> Trigger | None:
    alone = char(s, i - 1, end) != "#" and char(s, i + 4, end) != "#"
    return Trigger(i + 4, end, "####") if s.startswith("####", i, end) and alone else None


def _at(s: str, i: int, end: int, limit: int, options: bool) -> Iterator[Trigger | None]:
    if s[i] in "aA":
        yield from answers(s, i, end)
    elif s[i] == "\\":
        yield _box(s, i, end, limit)
    elif s[i] == "#":
        yield _hashes(s, i, end)
    elif options and s[i] in "oOcC":
        yield from option(s, i, end)
        yield correct(s, i, end)


def triggers(s: str, end: int, options: bool) -> Iterator[Trigger]:
    """Yields the triggers of s[:end] from the last to the first.

    `options`: also find announcements of an option, such as "the correct option is".

    Each value ends at the latest where the next trigger begins.
    """
    limit = end
    for i in range(end - 1, -1, -1):
        found = [trigger for trigger in _at(s, i, end, limit, options) if trigger]
        for trigger in found:
            yield trigger._replace(stop=min(trigger.stop, limit))
        if any(trigger.form != "is the answer" for trigger in found):
            limit = i
