"""The canonical form of kind `text`, which is close to the original text, and the end of an answer in words."""

from .characters import char, letter, plain, skip_spaces, space, upper, word_at, word_set
from .number_answers import Found

_ABBREVIATIONS = word_set(
    "st mr mrs ms dr jr sr vs no mt ft gen col lt rep sen inc ltd co prof e g i"
)


def text_key(original: str) -> str | None:
    """The key without case, extra spaces, outer quotes, outer markup, last full stop and commas before spaces."""
    s = plain(original)
    a, b = 0, len(s)
    before = None
    while (a, b) != before:
        before = (a, b)
        a, b = skip_spaces(s, a, b), b
        while b > a and s[b - 1] == " ":
            b -= 1
        if b - a >= 4 and s[a : a + 2] == "**" == s[b - 2 : b]:
            a, b = a + 2, b - 2
        elif b - a >= 3 and s[a] == s[b - 1] and s[a] in "'*":
            a, b = a + 1, b - 1
        elif b - a >= 2 and (s[a] in '"`' or s[b - 1] in '"`'):
            a, b = a + (s[a] in '"`'), b - (s[b - 1] in '"`')
        elif b - a >= 2 and s[b - 1] == "." and s[b - 2] not in " .":
            b -= 1
    words = s[a:b].replace(", ", " ").split(" ")
    joined = " ".join(word for word in words if word)
    return "text:" + joined if joined else None


def wording(s: str, a: int, b: int) -> Found | None:
    """The range of an answer in words, up to the end of its sentence; the caller computes the key."""
    i, stop = a, b
    while i < b:
        if s[i] in ".!?" and (i + 1 >= b or space(s[i + 1])) and not _abbreviates(s, a, i, b):
            stop = i
            break
        i += 1
    while stop > a and (space(s[stop - 1]) or s[stop - 1] in "*`"):
        stop -= 1
    return Found(a, stop, "") if stop > a else None


def _abbreviates(s: str, a: int, i: int, b: int) -> bool:
    """Whether the full stop at i belongs to an abbreviation or an initial, so that the sentence continues."""
    j = i
    while j > a and letter(s[j - 1]) and i - j < 6:
        j -= 1
    following = char(s, skip_spaces(s, i + 1, b), b)
    if s[i] != "." or following == "\0":
        return False
    initial = i - j == 1 and upper(s[j])
    return (
        initial
        or word_at(s, j, i) in _ABBREVIATIONS
        or (i > j and not upper(following) and letter(following))
    )
