"""Letters that name an option: (B), B., **B**, option B; but not the article "a" or the pronoun "I"."""

from .characters import (
    char,
    digit,
    letter,
    lowered,
    skip_spaces,
    space,
    upper,
    word_at,
    word_end,
    word_set,
)
from .number_answers import Found
from .options import Options

FILLERS = word_set(
    "option choice letter answer the correct is most likely definitely clearly best probably "
    "therefore thus so text textbf textit mathrm mathbf mathsf boxed fbox be indeed actually hence "
    "i we you it that this s d m ll ve re think believe guess suppose say choose chose pick select go "
    "going let us with would must should has to my our final am are confident certain sure pretty quite "
    "leaning toward towards in opinion view"
)
_JOINERS = word_set("or and nor plus maybe perhaps possibly also both either text quad mathrm")
_AFTER_A = word_set("because since as is which and or with for based but due if")
_AFTER_I = frozenset(["because", "since", "is"])


def _letter(c: str, options: Options) -> str:
    capital = c.upper() if "a" <= c <= "z" else c
    return capital if "A" <= capital < chr(ord("A") + options.letters) else ""


def _enclosed(s: str, i: int, end: int, options: Options) -> Found | None:
    """A letter in brackets: (B), [B], {B}."""
    closing = {"(": ")", "[": "]", "{": "}"}.get(s[i])
    j = skip_spaces(s, i + 1, min(end, i + 2))
    found = _letter(char(s, j, end), options)
    k = skip_spaces(s, j + 1, min(end, j + 2))
    return Found(i, k + 1, "choice:" + found) if found and char(s, k, end) == closing else None


def _bare(s: str, i: int, end: int, options: Options) -> Found | None:
    """B, B., B) and so on; the next characters distinguish a letter from an article, a pronoun or a word."""
    found = _letter(s[i], options)
    before, after = char(s, i - 1, end), char(s, i + 1, end)
    if not found or letter(before) or digit(before) or before in ("'", "-"):
        return None
    if letter(after) or digit(after) or after in ("'", "-", "_", "/"):
        return None
    j = skip_spaces(s, i + 1, end)
    if space(after) and letter(char(s, j, end)):
        word = word_at(s, j, end)
        following = _AFTER_I if found == "I" else _AFTER_A
        if found in "AI" or not upper(s[i]):
            return (
                Found(i, i + 1, "choice:" + found)
                if word in following and "\n" not in s[i:j]
                else None
            )
    return Found(i, i + 1, "choice:" + found)


def letter_at(s: str, i: int, end: int, options: Options) -> Found | None:
    return _enclosed(s, i, end, options) if s[i] in "([{" else _bare(s, i, end, options)


def _joined(s: str, i: int, end: int) -> int:
    """The position after the words between two letters ("or", ", and", "as well as"), or i if there are none."""
    while i < end:
        word = word_at(s, i, end)
        if word in _JOINERS:
            i = word_end(s, i, end)
        elif lowered(s[i : min(end, i + 10)]) == "as well as":
            i += 10
        elif s[i] in ",;/&+-|\\{}$":
            i += 1
        else:
            break
        i = skip_spaces(s, i, end)
    return i


def another(s: str, original: str, found: Found, end: int, options: Options) -> bool:
    """Whether a second letter is named after the first: "A or B", "(A) and (C)", "A, B", "(B)(C)"."""
    i, ended = skip_spaces(s, found.end, end), False
    while i < end and s[i] in ")*.":
        ended = ended or s[i] == "."
        i = skip_spaces(s, i + 1, end)
    after = _joined(s, i, end)
    if after == i and ended:
        return False
    while after < end and s[after] == "*":
        after += 1
    other = letter_at(s, after, end, options) if after < end else None
    if other is None or other.key == found.key:
        return False
    if after == i and not (upper(s[after]) or s[after] in "([{"):
        return False
    return not options.says(found.key, original[i:end])


def head_letter(s: str, i: int, end: int, options: Options) -> tuple[int, Found | None]:
    """The letter at the beginning of a value, after filler words and markup."""
    while i < end:
        found = letter_at(s, i, end, options)
        if found:
            return i, found
        if letter(s[i]):
            if word_at(s, i, end) not in FILLERS:
                return i, None
            i = word_end(s, i, end)
        elif digit(s[i]):
            return i, None
        else:
            i += 1
    return i, None


def letter_inside(s: str, i: int, end: int, options: Options) -> Found | None:
    """The first "(B)" or "option B" of a sentence."""
    while i < end:
        if (
            s[i] == "("
            and upper(s[i + 1 : i + 2] or "\0")
            and (found := _enclosed(s, i, end, options))
        ):
            return found
        if letter(s[i]):
            j = word_end(s, i, end)
            k = skip_spaces(s, j, end)
            if (
                word_at(s, i, end) in ("option", "choice")
                and k < end
                and (found := letter_at(s, k, end, options))
            ):
                return found
            i = j
        else:
            i += 1
    return None


def last_letter(s: str, end: int, options: Options) -> Found | None:
    """The fallback: the last "(B)", or the last capital letter that stands alone and cannot be a word."""
    for i in range(end - 1, -1, -1):
        if s[i] == "(" and upper(char(s, i + 1, end)):
            found = _enclosed(s, i, end, options)
        elif upper(s[i]) and (s[i] not in "AI" or not space(char(s, i + 1, end))):
            found = _bare(s, i, end, options)
        else:
            continue
        if found:
            return found
    return None
