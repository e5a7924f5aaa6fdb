"""Finds the last number of a text that announces no answer."""

from .characters import char, skip_spaces, space
from .compounds import compound
from .number_answers import Found, as_found
from .tokens import Token, tokens


def _numbers_item(s: str, token: Token, start: int, end: int) -> bool:
    """Whether a number at the beginning of a line is the label of a list item: "1. First", "2) then"."""
    after = token.end + 1
    return (
        token.start == skip_spaces(s, start, end)
        and char(s, token.end, end) in (".", ")")
        and space(char(s, after, end))
        and skip_spaces(s, after, end) < end
    )


def last_number(s: str, end: int) -> Found | None:
    """The fallback: the last number of the text that is not a list label, if it can be parsed."""
    while end > 0:
        start = s.rfind("\n", 0, end) + 1
        items = [
            token for token in tokens(s, start, end) if not _numbers_item(s, token, start, end)
        ]
        if items:
            *before, last = items
            part = bool(before) and compound(s, before[-1].end, end)
            return None if part or last.value is None else as_found(last)
        end = start - 1
    return None
