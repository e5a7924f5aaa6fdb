"""Reads a chat of a question file: its last turn is the question, earlier ones are its context."""

from collections.abc import Sequence
from typing import Any

from lmsi_kedro.datasets.question_columns import MalformedError
from lmsi_kedro.datasets.question_values import text_of
from lmsi_kedro.tasks.turns import Role, Turn, joined

ROLES: dict[str, Role] = {
    "system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
}  # fmt: skip


def is_chat(value: Any) -> bool:
    """Returns whether a value is a list of turns, as in `messages`."""
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) for turn in value)


def chat_of(value: Sequence[dict[str, Any]], column: str) -> tuple[str, str | None]:
    """Returns the user's last turn, and the turns before it as a joined text, or None if there are none.

    A single user turn may be followed by the answer of a supervised data set, which is ignored.
    """
    turns = [turn_of(turn, column, number) for number, turn in enumerate(value, start=1)]
    roles = [turn.role for turn in turns if turn.role != "system"]
    if roles == ["user", "assistant"]:
        turns.pop()
    if "system" in [turn.role for turn in turns[1:]]:
        raise MalformedError(f"{column} has a system turn that is not the first turn")
    if turns[-1].role != "user":
        raise MalformedError(f"{column} must end with a turn of the user, which is the question")
    if any(role != ("user", "assistant")[number % 2] for number, role in enumerate(roles)):
        raise MalformedError(f"{column} must have turns of user and assistant that alternate")
    *earlier, question = turns
    return question.text, joined(earlier) or None


def turn_of(turn: dict[str, Any], column: str, number: int) -> Turn:
    """Returns a turn with role and content, or from and value as in ShareGPT."""
    name = turn.get("role") or turn.get("from")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise MalformedError(
            f"{column} has the role {name!r} in turn {number}: roles are system, user and assistant"
        )
    text = text_of(turn.get("content", turn.get("value")), column)
    if text is None:
        raise MalformedError(f"{column} has no text in turn {number}")
    return Turn(role, text)
