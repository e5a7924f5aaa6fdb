"""Which number of an announced value is the answer.

The first one, with three exceptions: an equation counts by its last side ("5 x 3 = 15"), a sentence
that leads up to its number counts by the bold one or the one after "is", and a bare expression or
a range is no number. A colon that is followed by a calculation of several steps announces nothing.
"""

from typing import NamedTuple

from .characters import (
    ALMOST,
    DIVIDED,
    PI,
    ROOT,
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
from .number_words import number_words
from .tokens import CURRENCY_SIGNS, Token, tokens
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
    "unclear unknown between from"
)
_BREAKS = word_set("because since as where when if so which for given therefore but and or that")
_OPERATOR_WORDS = word_set("x plus minus times divided multiplied to through or")
_VERBS = word_set("is are equals be gives was makes")
_LATEX_OPERATORS = (
    "\\times", "\\cdot", "\\div", "\\pm", "\\sqrt", "\\pi", "\\cup", "\\overline", "\\bar", "\\log",
)  # fmt: skip
_UNDER = ("\\sqrt{", "\\sqrt ", "\\sqrt")


def sentence_end(s: str, i: int, end: int) -> int:
    """The first full stop, question or exclamation mark that ends a sentence at or after i."""
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


def _number_follows(s: str, i: int, end: int) -> bool:
    """Whether the next thing is a number, currency, sign and opening brackets aside."""
    while i < end and (space(s[i]) or s[i] in "(\\*{" or s[i] in CURRENCY_SIGNS):
        i += 1
    return digit(char(s, i, end)) or (char(s, i, end) == "." and digit(char(s, i + 1, end)))


def _open_expression(s: str, token: Token, end: int) -> bool:
    """Whether the number is only the first part of an expression or a range: 5 + 3, 5-6, 2\\pi."""
    i = skip_spaces(s, token.end, end)
    c = char(s, i, end)
    if c in (ROOT, PI) or any(s.startswith(x, i, end) for x in _LATEX_OPERATORS):
        return True
    if c == "^":
        return not s.startswith(("^\\circ", "^{\\circ", "^o"), i, end)
    if c in "+-*/" or c in (TIMES, DIVIDED):
        return _number_follows(s, i + 1, end)
    if not letter(c) or word_at(s, i, end) not in _OPERATOR_WORDS:
        return False
    j = skip_spaces(s, word_end(s, i, end), end)
    return _number_follows(s, word_end(s, j, end) if word_at(s, j, end) == "by" else j, end)


def _under_root(s: str, token: Token) -> bool:
    return (
        s[max(0, token.start - 6) : token.start].endswith(_UNDER)
        or char(s, token.start - 1, len(s)) == ROOT
    )


def _readable(s: str, token: Token, end: int) -> bool:
    return (
        token.value is not None
        and not _under_root(s, token)
        and not _open_expression(s, token, end)
    )


def _head(s: str, i: int, end: int) -> tuple[int, bool]:
    """Skips what may stand between the verb and its number: (position, whether a number may follow)."""
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
    """The number inside the first **bold** stretch that has one."""
    while (i := s.find("**", i, end)) >= 0:
        j = s.find("**", i + 2, end)
        if j < 0:
            return None
        for token in tokens(s, i + 2, j):
            return token
        i = j + 2
    return None


def _after_verb(s: str, i: int, end: int) -> Token | None:
    """The number straight after the last "is", "equals" or "=" of a sentence."""
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
    """The first number in words; a lone "one" or "half" inside a sentence is none."""
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
            return Found(i, words.end, key(words.value))
        i = word_end(s, i, end)
    return None


def as_found(token: Token) -> Found:
    assert token.value is not None
    return Found(token.start, token.end, key(token.value, token.negative))


def _negated(s: str, a: int, head: int) -> bool:
    """Whether "minus" or "negative" stands before a number in words."""
    while head > a and space(s[head - 1]):
        head -= 1
    k = head
    while k > a and letter(s[k - 1]):
        k -= 1
    return word_at(s, k, head) in ("minus", "negative")


def number_value(s: str, a: int, b: int, form: str, fresh: bool, last_digit: int) -> Found | None:
    """The number that s[a:b] announces.

    `last_digit` is the position of the last digit of the readable text: one behind the sentence of a
    loose form makes it a calculation under way ("Answer: 3 * 4 = 12. 12 + 1 = 13").
    """
    head, may = _head(s, a, b)
    if not may:
        return None
    loose = form in ("answer:", "heading")
    words = number_words(s, head, b) if head < b and letter(s[head]) else None
    if words and word_at(s, skip_spaces(s, words.end, b), b) != "of":
        return Found(head, words.end, key(words.value, _negated(s, a, head)))
    first = next(tokens(s, a, b), None)
    if first is None:
        return _spelled(s, head, b) if form != "####" else None
    direct = first.magnitude <= head or not any(letter(c) for c in s[head : first.magnitude])
    if direct and (fresh or form == "####") and _enumerates(s, first, b):
        return None
    stop = sentence_end(s, first.end, b)
    if direct:
        return _equation(s, first, stop, loose, last_digit)
    if form == "####" or (loose and last_digit >= stop):
        return None
    chosen = _bold(s, head, stop) or _after_verb(s, head, stop) or first
    return _equation(s, chosen, stop, loose, last_digit)


def _enumerates(s: str, token: Token, end: int) -> bool:
    """Whether the number is that of a list item: "1. First, ..."."""
    i = token.end
    item = (
        char(s, i, end) in (".", ")")
        and space(char(s, i + 1, end))
        and token.end - token.start <= 2
    )
    return item and letter(char(s, skip_spaces(s, i + 1, end), end))


def _equation(s: str, first: Token, stop: int, loose: bool, last_digit: int) -> Found | None:
    """The last side of the chain of equations that a number begins, or the number itself."""
    after = _last_equal(s, first.end, stop)
    last = next(tokens(s, after, stop), None) if after else None
    alone = _readable(s, first, stop)
    if last is None and not alone and first.value is not None:
        last = _after_verb(s, first.end, stop)  # 20 + 30 equals 50
    if last is None or not _readable(s, last, stop):
        return as_found(first) if alone else None
    return None if loose and last_digit >= stop else as_found(last)
