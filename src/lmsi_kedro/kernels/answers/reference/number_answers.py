"""Decides which number of an announced value is the answer.

The answer is the first number, with three exceptions. In an equation, the last side counts ("5 x 3 = 15"). In a
sentence that leads up to its number, the bold number or the number after "is" counts. A value that is only an
expression or a range has no answer. A colon before a calculation of several steps is not an announcement.
"""

from typing import NamedTuple

from .characters import (
    ALMOST,
    DIVIDED,
    TIMES,
    char,
    digit,
    letter,
    skip_spaces,
    space,
    word_at,
    word_end,
    word_set,
)
from .compounds import compound
from .expressions import stands_alone
from .number_words import number_words
from .tokens import Token, tokens
from .values import key


class Found(NamedTuple):
    start: int
    end: int
    key: str


FILLERS = word_set(
    "approximately about around roughly nearly almost only exactly just a an the total of over "
    "out simply therefore thus then so option choice equal to text textbf mathbf mathrm boxed "
    "fbox dollars usd rs negative minus approx us inr eur also still indeed actually now left"
)
_NO_VALUE = word_set(
    "not found calculated obtained computed determined derived reached wrong incorrect based "
    "unclear unknown between from undefined indeterminate infinite infinitely infinity inf nan"
)
_BREAKS = word_set("because since as where when if so which for given therefore but and or that")
_VERBS = word_set("is are equals be gives was makes")


def sentence_end(s: str, i: int, end: int) -> int:
    """The first full stop, question mark or exclamation mark at or after i that ends a sentence, or `end`."""
    while i < end:
        if s[i] in ".?!" and (i + 1 >= end or space(s[i + 1]) or s[i + 1] in "*\"')$"):
            return i
        i += 1
    return end


def _equal_sign(s: str, i: int, end: int) -> int:
    """The width of an equality sign at i, or 0."""
    if s[i] == "=" or s[i] == ALMOST:
        return 1
    return 7 if s.startswith("\\approx", i, end) else 0


def _breaks_chain(s: str, i: int, end: int, joined: bool) -> bool:
    c = s[i]
    return (
        c == ";"
        or (c == "," and space(char(s, i + 1, end)))
        or (c == "(" and not joined and space(s[i - 1]))
    )


def _last_equal(s: str, i: int, end: int) -> int:
    """The position after the last equality sign of the chain that begins at i, or 0."""
    found, joined = 0, True
    while i < end:
        c, width = s[i], _equal_sign(s, i, end)
        if width:
            found, joined = i + width, True
        elif _breaks_chain(s, i, end, joined):
            break
        elif letter(c):
            if word_at(s, i, end) in _BREAKS:
                break
            joined = word_at(s, i, end) == "x"
            i = word_end(s, i, end)
            continue
        elif not space(c):
            joined = c in "+-*/(" or c in (TIMES, DIVIDED)
        i += max(width, 1)
    return found


def _head(s: str, i: int, end: int) -> tuple[int, bool]:
    """Skips words between the verb and its number: (position, whether a number may follow)."""
    while i < end:
        c = s[i]
        if letter(c):
            word = word_at(s, i, end)
            if word in _NO_VALUE:
                return i, False
            if word not in FILLERS or number_words(s, i, end):
                return i, True
            i = word_end(s, i, end)
        elif digit(c) or c in ",;" or (c == "." and not digit(char(s, i + 1, end))) or c == "\n":
            return i, True
        else:
            i += 1
    return i, True


def _bold(s: str, i: int, end: int) -> Token | None:
    """The number in the first **bold** text that contains a number."""
    while (i := s.find("**", i, end)) >= 0:
        j = s.find("**", i + 2, end)
        if j < 0:
            return None
        for token in tokens(s, i + 2, j):
            return token
        i = j + 2
    return None


def _after_verb(s: str, i: int, end: int) -> Token | None:
    """The number directly after the last "is", "equals" or "=" of a sentence."""
    found = None
    for token in tokens(s, i, end):
        j = token.start
        while j > i and (space(s[j - 1]) or s[j - 1] == "*"):
            j -= 1
        k = j
        while k > i and letter(s[k - 1]):
            k -= 1
        if char(s, j - 1, end) == "=" or word_at(s, k, j) in _VERBS:
            found = token
    return found


def _spelled(s: str, i: int, end: int) -> Found | None:
    """The first number in words; a single "one" or "half" inside a sentence does not count."""
    head = i
    while i < end:
        if not letter(s[i]):
            i += 1
            continue
        words = number_words(s, i, end)
        lone = (
            words
            and word_end(s, i, end) == words.end
            and word_at(s, i, end) in ("one", "half", "zero")
        )
        if words and (i == head or not lone):
            return None if compound(s, words.end, end) else Found(i, words.end, key(words.value))
        i = word_end(s, i, end)
    return None


def as_found(token: Token) -> Found:
    assert token.value is not None
    return Found(token.start, token.end, key(token.value, token.negative))


def _word_before(s: str, a: int, i: int) -> str:
    """The last word of s[a:i], ignoring spaces after it."""
    while i > a and space(s[i - 1]):
        i -= 1
    k = i
    while k > a and letter(s[k - 1]):
        k -= 1
    return word_at(s, k, i)


def number_value(
    s: str, a: int, b: int, form: str, labelled: bool, last_digit: int
) -> Found | None:
    """The number that s[a:b] announces.

    A value after ####, after the label of a list item or before "is the answer" must begin with its number; before
    "is the answer", it must contain no second number.

    `last_digit` is the position of the last digit of the text. After a colon or a heading, a digit after the end
    of the sentence means that the calculation continues there, so the sentence does not contain its result:
    "Answer: 3 * 4 = 12. 12 + 1 = 13".
    """
    head, may = _head(s, a, b)
    if not may:
        return None
    words = number_words(s, head, b) if head < b and letter(s[head]) else None
    if words and word_at(s, skip_spaces(s, words.end, b), b) != "of":
        negative = _word_before(s, a, head) in ("minus", "negative")
        spelled = Found(head, words.end, key(words.value, negative))
        return None if compound(s, words.end, b) else spelled
    found = tokens(s, a, b)
    first = next(found, None)
    before = form == "is the answer"
    strict = labelled or before or form == "####"
    if before and next(found, None):
        return None
    if first is None:
        return None if strict else _spelled(s, head, b)
    direct = first.magnitude <= head or not any(letter(c) for c in s[head : first.magnitude])
    stop = sentence_end(s, first.end, b)
    behind = last_digit if form in ("answer:", "heading") else -1
    if direct:
        return _equation(s, first, stop, b, behind)
    if strict or behind >= stop:
        return None
    chosen = _bold(s, head, stop) or _after_verb(s, head, stop) or first
    denied = _word_before(s, a, chosen.start) == "not"
    return None if denied else _equation(s, chosen, stop, b, behind)


def _equation(s: str, first: Token, stop: int, end: int, behind: int) -> Found | None:
    """The last side of the chain of equations that begins with a number, or the number if there is no chain.

    stop: the end of the sentence; end: the end of the line; behind: after a colon or a heading, the position of
    the last digit of the text, and otherwise -1.
    """
    after = _last_equal(s, first.end, stop)
    last = next(tokens(s, after, stop), None) if after else None
    alone = stands_alone(s, first, stop, end)
    if last is None and not alone and first.value is not None:
        last = _after_verb(s, first.end, stop)  # 20 + 30 equals 50
    if last is None or not stands_alone(s, last, stop, end):
        return as_found(first) if alone else None
    return None if behind >= stop else as_found(last)
