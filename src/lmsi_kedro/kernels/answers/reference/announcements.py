"""Announcements by words: "answer", and for choices "option", "choice" and "correct".

The value follows the word ("the answer is", "Answer:", a heading, a tag) or precedes it ("(B) is the correct
answer").
"""

from collections.abc import Iterator
from typing import NamedTuple

from .characters import (
    ALMOST,
    char,
    letter,
    lowered,
    skip_spaces,
    space,
    upper,
    word_end,
    word_set,
)

COPULAS = word_set("is are was be equals becomes comes")
_VERB_BEFORE = word_set(
    "to can cannot not will must should could would we you please let's i they now first"
)
_NO_TRIGGER = word_set(
    "the this these your my each all any every a an question questions with by them it either as"
)
_BEST = word_set("correct right best final answer appropriate likely suitable the accurate")
_DENIALS = word_set("not cannot never")
_PRAISE = word_set(
    "correct right best final most appropriate likely suitable accurate only the our my"
)
_BEING = word_set("is be was")
GAP = 80  # maximum number of characters between "answer" and its verb
CLAUSE = 120  # number of characters before "is the correct answer" in which the answer may be


class Trigger(NamedTuple):
    """An announcement: the start and the latest end of its value, and its form."""

    value: int
    stop: int
    form: str


def _previous(s: str, i: int) -> tuple[int, str]:
    """The word that ends before position i, including apostrophes: (its start, the word in lower case)."""
    j = i
    while j > 0 and (space(s[j - 1]) or s[j - 1] in "*_") and i - j < 8:
        j -= 1
    k = j
    while k > 0 and (letter(s[k - 1]) or s[k - 1] == "'") and j - k < 16:
        k -= 1
    return k, lowered(s[k:j])


def _clause(s: str, i: int) -> int:
    """The start of the clause that ends at i."""
    k = i
    while k > 0 and i - k < CLAUSE and s[k - 1] != "\n":
        if space(s[k]) and s[k - 1] in ".?!;:,":
            break
        k -= 1
    return k


def _before_answer(s: str, i: int) -> Trigger | None:
    """Finds "(B) is the correct answer", where the value precedes the verb in the same clause."""
    j, word = _previous(s, i)
    praised = word in _PRAISE
    while word in _PRAISE:
        j, word = _previous(s, j)
    return Trigger(_clause(s, j), j, "is the answer") if praised and word in _BEING else None


def _heading(s: str, start: int, end: int) -> bool:
    """Whether the line before position `start` contains only a short title: "## Final "."""
    i = start
    while i > 0 and s[i - 1] != "\n" and start - i <= 24:
        i -= 1
    line = s[i:start]
    return start - i <= 24 and all(letter(c) or space(c) or c in "*#_>" for c in line)


def _after_answer(s: str, start: int, i: int, end: int) -> Trigger | None:
    """Scans at most GAP characters after "answer" for a verb, a colon or the end of a heading."""
    words, word = 0, ""
    stop = min(end, i + GAP)
    while i < stop:
        c = s[i]
        if c == "\n":
            return Trigger(i, end, "heading") if not words and _heading(s, start, end) else None
        if c in (":", "=", ALMOST):
            return Trigger(i + 1, end, "answer:")
        if c in ".?!;" and (i + 1 >= end or space(s[i + 1])):
            return None
        if c == "-" and not words and space(s[i - 1]) and space(char(s, i + 1, end)):
            return Trigger(i + 1, end, "answer:")
        if not letter(c):
            i += 1
            continue
        j = i
        while j < end and (letter(s[j]) or s[j] == "'"):
            j += 1
        last, word = word, lowered(s[i:j])
        if word in COPULAS or (word == "s" and s[i - 1] == "'" and not words):
            denied = last in _DENIALS or last.endswith("n't")  # the answer cannot be 5
            return None if denied else Trigger(j, end, "answer is")
        if not words and word in _NO_TRIGGER:
            return None
        words += 1
        i = j
    return None


def _tag_begin(s: str, i: int) -> int:
    """The start of the name of a tag whose last word is at i: answer, final_answer."""
    is_final = lowered(s[max(0, i - 6) : max(0, i - 1)]) == "final" and s[i - 1] in "_- "
    return i - 6 if is_final else i


def answers(s: str, i: int, end: int) -> Iterator[Trigger]:
    """The values that the word "answer" at i announces: before it, after it, or both."""
    j = i + 6
    j += char(s, j, end) in ("s", "S")
    if lowered(s[i : i + 6]) != "answer" or j > end or letter(char(s, i - 1, end)):
        return
    if letter(char(s, j, end)) or _previous(s, i)[1] in _VERB_BEFORE:
        return
    name = _tag_begin(s, i)
    opening, closing = char(s, name - 1, end), char(s, j, end)
    if opening == "/" and char(s, name - 2, end) in "<[":
        return  # </answer> announces nothing
    if (opening, closing) in (("<", ">"), ("[", "]")):
        yield Trigger(j + 1, end, "<answer>")
    else:
        yield from _either(_before_answer(s, i), _after_answer(s, i, j, end))


def _either(before: Trigger | None, after: Trigger | None) -> Iterator[Trigger]:
    """Yields the value before "is the answer", and then the value after it; after a colon, only the latter."""
    if before and (after is None or after.form == "answer is"):
        yield before
    if after:
        yield after


def option(s: str, i: int, end: int) -> Iterator[Trigger]:
    """Finds "the correct option is (D)".

    The verb must follow the word directly, so "option B is wrong" announces nothing.
    """
    if lowered(s[i : i + 6]) not in ("option", "choice") or _previous(s, i)[1] not in _BEST:
        return
    j = skip_spaces(s, i + 6, end)
    stop = word_end(s, j, end)
    after = None
    if char(s, j, end) == ":":
        after = Trigger(j + 1, end, "answer:")
    elif j > i + 6 and lowered(s[j:stop]) in COPULAS:
        after = Trigger(stop, end, "answer is")
    yield from _either(_before_answer(s, i), after)


def correct(s: str, i: int, end: int) -> Trigger | None:
    """Finds "(B) is correct" at the end of a sentence.

    The subject must look like an option's letter: it must be a single capital letter or end with a bracket.
    """
    if lowered(s[i : i + 7]) != "correct" or i + 7 > end:
        return None
    k = i + 7
    while char(s, k, end) == "*":
        k += 1
    ends = char(s, k, end) in ".!;" and (k + 1 >= end or space(s[k + 1]))
    j, word = _previous(s, i)
    if word not in _BEING or not (ends or char(s, k, end) in "\n\0"):
        return None
    k = j
    while k > 0 and (space(s[k - 1]) or s[k - 1] in "*_"):
        k -= 1
    lone = upper(char(s, k - 1, k)) and not letter(char(s, k - 2, k))
    named = lone or char(s, k - 1, k) in ")]}"
    return Trigger(_clause(s, j), j, "is the answer") if named else None
