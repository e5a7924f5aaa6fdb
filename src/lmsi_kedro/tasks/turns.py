"""Stores conversations as one text: the earlier turns of a question, and a prompt of several turns.

Every turn begins with the record separator (U+001E), which no turn contains, and its role. So tables need no
additional columns, and prompts with the same first turns have a common text prefix. A text that does not begin
with the separator is a single turn of the user.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

SEPARATOR = "\x1e"
Role = Literal["system", "user", "assistant"]


class Turn(NamedTuple):
    role: Role
    text: str


def joined(turns: Iterable[Turn]) -> str:
    """Returns the turns as one text."""
    return "".join(f"{SEPARATOR}{role}: {text.replace(SEPARATOR, ' ')}" for role, text in turns)


def single(text: str) -> str:
    """Returns the text as the single turn of a user: a separator at its beginning would mark turns."""
    return text.lstrip(SEPARATOR)


def turns_of(text: str | None) -> list[Turn]:
    """Returns the turns of a joined text; the result is empty for any other text."""
    if not text or not text.startswith(SEPARATOR):
        return []
    parts = (turn.partition(": ") for turn in text[1:].split(SEPARATOR))
    return [Turn(role, content) for role, _, content in parts]  # type: ignore[arg-type]


def readable(text: str) -> str:
    """Returns the text for people: every turn is a paragraph that begins with its role."""
    return text.removeprefix(SEPARATOR).replace(SEPARATOR, "\n\n")
