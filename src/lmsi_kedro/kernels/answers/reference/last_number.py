"""The number that stands last in a text which announces none."""

from .characters import char, skip_spaces, space
from .number_answers import Found, as_found
from .tokens import Token, tokens


def _numbers_item(s: str, token: Token, start: int, end: int) -> bool:
    """Whether a number at the beginning of a line only counts it: "1. First", "2) then"."""
    after = token.end + 1
    return (
        token.start == skip_spaces(s, start, end)
        and char(s, token.end, end) in (".", ")")
        and space(char(s, after, end))
        and skip_spaces(s, after, end) < end
    )


def last_number(s: str, end: int) -> Found | None:
    """The fallback: the last readable number of the text that does not count a line."""
    while end > 0:
        start = s.rfind("\n", 0, end) + 1
        found = None
        for token in tokens(s, start, end):
            if token.value is not None and not _numbers_item(s, token, start, end):
                found = token
        if found:
            return as_found(found)
        end = start - 1
    return None
