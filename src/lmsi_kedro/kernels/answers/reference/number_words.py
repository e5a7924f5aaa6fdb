"""Numbers in words: twenty-one, one hundred and five, two thirds, three and a half."""

from fractions import Fraction
from typing import NamedTuple

from .characters import char, letter, skip_spaces, word_at, word_end

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: value for value, word in enumerate(_SMALL.split(" "))}
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(" "), 2)}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8,
    "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip


class Words(NamedTuple):
    end: int
    value: Fraction


def _next_word(s: str, i: int, end: int) -> tuple[int, int]:
    """The word that continues a number after a hyphen or spaces: (start, end)."""
    j = i + 1 if char(s, i, end) == "-" else skip_spaces(s, i, end)
    return j, word_end(s, j, end)


def _step(word: str, total: int, current: int, last: int) -> tuple[int, int, int] | None:
    """Adds one word to the number; returns None if the word does not continue it.

    `last` is the value of the previous word, by which "five five" is two numbers.
    """
    if word in SMALL:
        value = SMALL[word]
        fits = last >= 100 or (last >= 20 and 0 < value < 10) or last == 0
        return (total, current + value, value or 1) if fits else None
    if word in TENS:
        return (total, current + TENS[word], TENS[word]) if last >= 100 or last == 0 else None
    if word == "hundred":
        return (total, current * 100, 100) if 0 < current < 100 else None
    if word in SCALES and current > 0 and (total == 0 or total % (1000 * SCALES[word]) == 0):
        return total + current * SCALES[word], 0, SCALES[word]
    return None


def _whole(s: str, i: int, end: int) -> tuple[int, int] | None:
    """Parses the integer in words at i: (end, value), or None if there is no integer."""
    j = word_end(s, i, end)
    word = word_at(s, i, end)
    if word in ("a", "an"):  # a hundred, a million
        k, stop = _next_word(s, j, end)
        state = _step(word_at(s, k, end), 0, 1, 1)
        j = stop
    else:
        state = _step(word, 0, 0, 0)
    if state is None:
        return None
    while True:
        k, stop = _next_word(s, j, end)
        word = word_at(s, k, end)
        if word == "and" and state[2] >= 100:
            k, stop = _next_word(s, stop, end)
            word = word_at(s, k, end)
            if word not in SMALL and word not in TENS:
                break
        step = _step(word, *state) if stop > k else None
        if step is None:
            break
        state, j = step, stop
    return j, state[0] + state[1]


def number_words(s: str, i: int, end: int) -> Words | None:
    """The number in words that begins at i, or None if there is none."""
    end = min(end, i + 200)  # no number in words is longer, and the limit keeps parsing linear
    found = _whole(s, i, end)
    if found is None:
        if word_at(s, i, end) != "half":
            return None
        return Words(word_end(s, i, end), Fraction(1, 2))
    j, value = found
    k, stop = _next_word(s, j, end)
    word = word_at(s, k, end)
    if word in PARTS and value > 0:
        return Words(stop, Fraction(value, PARTS[word]))
    if word == "and" and (after := and_a_half(s, stop, end)):
        return Words(after, value + Fraction(1, 2))
    return Words(j, Fraction(value))


def and_a_half(s: str, i: int, end: int) -> int:
    """The end of "a half" in "two and a half", or 0."""
    for tail in (" a half", " one half", " one-half"):
        if s.startswith(tail, i, end) and not letter(char(s, i + len(tail), end)):
            return i + len(tail)
    return 0
