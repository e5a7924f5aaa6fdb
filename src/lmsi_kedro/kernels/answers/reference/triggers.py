"""Where in a completion an answer is announced: "answer is", "Answer:", a heading, ####, \\boxed{}.

A completion is read up to the next invented question. Triggers are visited from the last to the
first; the first readable one counts. It knows nothing of what an answer looks like, save that the
correct "option" or "choice" is announced like an answer.
"""

from collections.abc import Iterator
from typing import NamedTuple

from .characters import (
    ALMOST,
    IGNORED,
    char,
    digit,
    letter,
    lowered,
    skip_spaces,
    space,
    word_end,
    word_set,
)

MARKUP = '*`":#_' + IGNORED
COPULAS = word_set("is are was be equals becomes comes")
_VERB_BEFORE = word_set(
    "to can cannot not will must should could would we you please let's i they now first"
)
_NO_TRIGGER = word_set(
    "the this these your my each all any every a an question questions with by them it either as"
)
_BEST = word_set("correct right best final answer appropriate likely suitable the accurate")
_ASKERS = ("Question", "Human", "User", "Q")
GAP = 80  # characters between "answer" and its verb


class Trigger(NamedTuple):
    """An announcement: where it begins, where its value begins and ends, and its form."""

    start: int
    value: int
    stop: int  # end of the value; the end of the readable text unless braces close it
    form: str


def _asks(s: str, i: int) -> bool:
    """Whether a line beginning at i opens an invented question: "Q:", "Question 2:", "Human:"."""
    name = next((x for x in _ASKERS if s.startswith(x, i)), "")
    j = skip_spaces(s, i + len(name), min(len(s), i + len(name) + 1))
    for _ in range(3):
        j += digit(char(s, j, len(s)))
    return bool(name) and char(s, j, len(s)) == ":"


def readable_end(s: str) -> int:
    """The end of the text that is the model's answer to its question."""
    blank = True
    for i, c in enumerate(s):
        if c == "\n" and not blank and _asks(s, i + 1):
            return i
        if c == "<" and not blank and (s.startswith("</s>", i) or s.startswith("<|", i)):
            return i
        blank = blank and space(c)
    return len(s)


def _word_before(s: str, i: int) -> str:
    """The word that ends before position i, apostrophes included."""
    j = i
    while j > 0 and (space(s[j - 1]) or s[j - 1] in "*_") and i - j < 8:
        j -= 1
    k = j
    while k > 0 and (letter(s[k - 1]) or s[k - 1] == "'") and j - k < 16:
        k -= 1
    return lowered(s[k:j])


def _heading(s: str, start: int, end: int) -> bool:
    """Whether the line before position `start` holds nothing but a short title: "## Final "."""
    i = start
    while i > 0 and s[i - 1] != "\n" and start - i <= 24:
        i -= 1
    line = s[i:start]
    return start - i <= 24 and all(letter(c) or space(c) or c in "*#_>" for c in line)


def _after_answer(s: str, start: int, i: int, end: int) -> Trigger | None:
    """From "answer" over at most GAP characters to its verb, its colon or the end of its heading."""
    words = 0
    stop = min(end, i + GAP)
    while i < stop:
        c = s[i]
        if c == "\n":
            return (
                Trigger(start, i, end, "heading") if not words and _heading(s, start, end) else None
            )
        if c in (":", "=", ALMOST):
            return Trigger(start, i + 1, end, "answer:")
        if c in ".?!;" and (i + 1 >= end or space(s[i + 1])):
            return None
        if c == "-" and not words and space(s[i - 1]) and space(char(s, i + 1, end)):
            return Trigger(start, i + 1, end, "answer:")
        if not letter(c):
            i += 1
            continue
        j = i
        while j < end and (letter(s[j]) or s[j] == "'"):
            j += 1
        word = lowered(s[i:j])
        if word in COPULAS or (word == "s" and s[i - 1] == "'" and not words):
            return Trigger(start, j, end, "answer is")
        if not words and word in _NO_TRIGGER:
            return None
        words += 1
        i = j
    return None


def _answer(s: str, i: int, end: int) -> Trigger | None:
    if lowered(s[i : i + 6]) != "answer" or letter(char(s, i - 1, end)) or i + 6 > end:
        return None
    j = i + 6
    j += char(s, j, end) in ("s", "S")
    if letter(char(s, j, end)) or _word_before(s, i) in _VERB_BEFORE:
        return None
    return _after_answer(s, i, j, end)


def _boxed(s: str, i: int, end: int, limit: int) -> Trigger | None:
    """ "\\boxed{...}" up to its own brace, or to `limit`, where a later trigger begins."""
    if not s.startswith("\\boxed", i, end):
        return None
    j = skip_spaces(s, i + 6, end)
    if char(s, j, end) != "{":
        return None if letter(char(s, i + 6, end)) else Trigger(i, j, end, "boxed")
    depth = 0
    for k in range(j, limit):
        depth += (s[k] == "{") - (s[k] == "}")
        if depth == 0:
            return Trigger(i, j + 1, k, "boxed")
    return Trigger(i, j + 1, end, "boxed")


def _hashes(s: str, i: int, end: int) -> Trigger | None:
    alone = char(s, i - 1, end) != "#" and char(s, i + 4, end) != "#"
    return Trigger(i, i + 4, end, "####") if s.startswith("####", i, end) and alone else None


def _option(s: str, i: int, end: int) -> Trigger | None:
    """ "the correct option is (D)": the verb follows at once, so "option B is wrong" is none."""
    if lowered(s[i : i + 6]) not in ("option", "choice") or _word_before(s, i) not in _BEST:
        return None
    j = skip_spaces(s, i + 6, end)
    stop = word_end(s, j, end)
    if char(s, j, end) == ":":
        return Trigger(i, j + 1, end, "answer:")
    is_verb = j > i + 6 and lowered(s[j:stop]) in COPULAS
    return Trigger(i, stop, end, "answer is") if is_verb else None


def triggers(s: str, end: int, options: bool) -> Iterator[Trigger]:
    """The triggers of s[:end] from the last to the first; `options` adds "the correct option is"."""
    limit = end
    for i in range(end - 1, -1, -1):
        found = None
        if s[i] in "aA":
            found = _answer(s, i, end)
        elif s[i] == "\\":
            found = _boxed(s, i, end, limit)
        elif s[i] == "#":
            found = _hashes(s, i, end)
        elif options and s[i] in "oOcC":
            found = _option(s, i, end)
        if found:
            limit = i
            yield found


def value_region(s: str, trigger: Trigger, limit: int) -> tuple[int, int, bool]:
    """The stretch that holds the value: the rest of the line, or the first line with content.

    `limit` is where the next trigger begins. Returns (start, end, whether it opens a new line).
    """
    i, stop, fresh = trigger.value, min(trigger.stop, limit), False
    while i < stop:
        if s[i] == "\n":
            if trigger.form == "####":
                return i, i, fresh
            fresh = True
        elif s.startswith(("$$", "\\[", "\\("), i, stop):
            i += 1
        elif not space(s[i]) and s[i] not in MARKUP:
            break
        i += 1
    if trigger.form == "boxed":
        return i, stop, False
    j = s.find("\n", i, stop)
    return i, j if j >= 0 else stop, fresh
