"""The canonical form of kind `span`, with words normalised by DROP's rules.

A span that is a number with its unit, a date or a time is compared as a number, a date or a time. Several parts
joined by commas, semicolons or "and" are an unordered list. In other spans, case, articles, hyphens and
punctuation are ignored (but not punctuation between digits), and number words become digits.
"""

from collections.abc import Iterable

from .characters import char, digit, fold, letter, plain, space, word_at, word_end
from .compounds import compound
from .number_words import number_words
from .options import ARTICLES
from .span_content import NO_KEY, content, trim
from .tokens import tokens
from .values import key

_PUNCTUATION = frozenset("!\"#$%&'()*+,./:;=?@[\\]^_`{|}~")
_INNER = frozenset(".,:/")  # punctuation that counts between digits: 3.14 is not 314
_BEFORE, _AFTER = frozenset("([{\"'`*#"), frozenset(")]}\"'`*.,;:!?%")
Stretch = tuple[int, int]


def _word_key(s: str, original: str, i: int, j: int) -> str:
    """One word of a span: a number in digits, or its letters."""
    token = next(tokens(s, i, j), None) if any(digit(c) for c in s[i:j]) else None
    if (
        token
        and token.value is not None
        and _BEFORE.issuperset(s[i : token.start])
        and _AFTER.issuperset(s[token.end : j])
    ):
        return key(token.value, token.negative)[4:]
    word = plain(original[i:j])
    return "".join(
        c
        for k, c in enumerate(word)
        if c not in _PUNCTUATION
        or (c in _INNER and digit(char(word, k - 1, k)) and digit(char(word, k + 1, len(word))))
    )


def _signed(s: str, i: int, a: int, b: int) -> bool:
    """Whether the dash at i is the sign of a number; other dashes join or separate words."""
    joins = i > a and (letter(s[i - 1]) or digit(s[i - 1]))
    return digit(char(s, i + 1, b)) and not joins


def _words(s: str, original: str, a: int, b: int) -> list[str]:
    words, i = [], a
    while i < b:
        if space(s[i]) or (s[i] == "-" and not _signed(s, i, a, b)):
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
        j = i + 1
        while j < b and not space(s[j]) and s[j] != "-":
            j += 1
        words.append(_word_key(s, original, i, j))
        i = j
    return [word for word in words if word]


def _symbols(text: str) -> str:
    """Returns a text that consists only of symbols, such as closing brackets, as it is written."""
    return " ".join(word for word in plain(text).split(" ") if word)


def _part(s: str, original: str, stretches: list[Stretch]) -> str | None:
    """The key of one part; a part that is a compound quantity has several ranges."""
    a, b = trim(s, stretches[0][0], stretches[-1][1])
    if a >= b:
        return None
    found = content(s, a, b)
    if found is not None:
        return found
    inner = [(max(i, a), min(j, b)) for i, j in stretches]
    words = [word for i, j in inner for word in _words(s, original, i, j)]
    kept = [word for word in words if word not in ARTICLES] or words
    wording = " ".join(kept)
    return "span:" + (wording if wording.strip("<> ") else _symbols(original[a:b]))


def _separator(s: str, i: int, a: int, b: int) -> int:
    """The width of the separator between two parts at i, or 0: ", ", ";", a line end, " and ", " & "."""
    if s[i] in ";\n" or (s[i] == "," and (i + 1 == b or space(s[i + 1]))):
        return 1
    if i == a or not space(s[i - 1]):
        return 0
    width = 1 if s[i] == "&" else 3 if word_at(s, i, b) == "and" else 0
    return width if width and space(char(s, i + width, b)) else 0


def _continues(s: str, start: int, i: int, b: int) -> bool:
    """Whether the text after a separator at i belongs to the quantity before it: 2 hours and 30 minutes."""
    last = None
    for token in tokens(s, start, i):
        last = token
    return last is not None and compound(s, last.end, b) and not compound(s, last.end, i)


def _parts(s: str, a: int, b: int) -> list[list[Stretch]]:
    parts: list[list[Stretch]] = [[]]
    start = i = a
    while i < b:
        width = _separator(s, i, a, b)
        if width:
            parts[-1].append((start, i))
            if not _continues(s, start, i, b):
                parts.append([])
            start = i + width
        i = i + width if width else word_end(s, i, b) if letter(s[i]) else i + 1
    parts[-1].append((start, b))
    return parts


def parts_of(found: str) -> list[str]:
    """The keys of the parts of a list, or the key itself."""
    return found.removeprefix("list:").split("|") if found.startswith("list:") else [found]


def joined_spans(keys: Iterable[str]) -> str:
    """The key of several parts: an unordered list, whose parts may be lists."""
    parts = {part for each in keys for part in parts_of(each)}
    return next(iter(parts)) if len(parts) == 1 else "list:" + "|".join(sorted(parts))


def span_key(original: str, comma: bool) -> str | None:
    s = fold(original, comma)
    a, b = trim(s, 0, len(s))
    found = content(s, a, b) if a < b else None
    if found is not None:
        return found or None
    keys = [each for part in _parts(s, a, b) if (each := _part(s, original, part)) is not None]
    return None if not keys or NO_KEY in keys else joined_spans(keys)
