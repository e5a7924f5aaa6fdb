"""Parses one row of a question file, or says what is wrong with it."""

import re
from operator import ne
from typing import Any

from lmsi_kedro.datasets.question_columns import (
    FIELDS,
    WORKED_FIELDS,
    MalformedError,
    columns_of,
    plain,
)
from lmsi_kedro.datasets.question_turns import chat_of, is_chat
from lmsi_kedro.datasets.question_values import (
    Scalar,
    name_of,
    text_of,
    written,
)

SPLITS = ("unlabeled", "held_out", "probe")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# An answer of GSM8K is a whole solution, in which this precedes the final answer.
SOLUTION_END = "#### "

Row = dict[str, Any]


def parse(row: Row, task: str | None, fields: tuple[str, ...] = FIELDS) -> Row:
    """Converts a row to the columns of raw_questions except `source`; `task` is the default task.

    Raises MalformedError with the first mistake and its column.
    """
    columns = columns_of(tuple(row), fields)
    cells = {field: (row[column], column) for field, column in columns.items()}
    missing = (None, "")
    split = text_of(*cells.get("split", missing))
    if split not in (None, *SPLITS):
        raise MalformedError(
            f"{columns['split']} must be one of {', '.join(SPLITS)}, not {split!r}"
        )
    choices, letters = choices_of(*cells.get("choices", missing))
    question, earlier = question_of(*cells["question"], cells.get("messages"))
    context = text_of(*cells.get("context", missing))
    if earlier and context:
        raise MalformedError(
            f"{columns['context']} cannot precede earlier turns: put it into a turn of the chat"
        )
    return {
        "split": split,
        "task": text_of(*cells.get("task", missing)) or task,
        "question": question,
        "context": earlier or context,
        "choices": choices,
        "answer": answers_of(*cells.get("answer", missing), letters, choices is not None),
    }


def parse_worked(row: Row) -> Row:
    """Returns the row of a worked example, which has an answer and a rationale, but no split."""
    columns = columns_of(tuple(row), WORKED_FIELDS)
    parsed = parse(row, None, WORKED_FIELDS)
    if parsed["answer"] is None:
        raise MalformedError(f"{columns.get('answer', 'answer')} is missing or empty")
    column = columns.get("rationale", columns["answer"])
    if "rationale" not in columns and SOLUTION_END not in str(row[column]):
        raise MalformedError("there is no column 'rationale' with the steps to the answer")
    if (rationale := text_of(row[column], column)) is None:
        raise MalformedError(f"{column} is missing or empty")
    return {**parsed, "rationale": rationale}


def question_of(
    value: Any, column: str, chat: tuple[Any, str] | None = None
) -> tuple[str, str | None]:
    """Returns the question, and its earlier turns as one text; chat: value and column of `messages`, if any."""
    if is_chat(value):
        return chat_of(value, column)
    question = text_of(None if value == [] else value, column)
    if chat is not None and is_chat(chat[0]):
        last, earlier = chat_of(*chat)
        if question not in (None, last):
            raise MalformedError(
                f"{column} is not the last turn of {chat[1]}: leave one of them out"
            )
        return last, earlier
    if question is None:
        raise MalformedError(f"{column} is missing or empty")
    return question, None


def choices_of(value: Any, column: str) -> tuple[list[str] | None, dict[str, str]]:
    """Returns the texts of the options, and the letter of each label if the file has labels."""
    if value is None or value == []:
        return None, {}
    options, labels = labeled(value, column)
    texts = [written(option, f"an option of {column}") for option in options]
    if not all(texts):
        raise MalformedError(f"{column} has an option without text")
    if len(texts) > len(LETTERS):
        raise MalformedError(f"{column} must have at most {len(LETTERS)} options, not {len(texts)}")
    letters = dict(zip([str(label).strip(" ().") for label in labels], LETTERS, strict=False))
    if labels and len(letters) != len(texts):
        raise MalformedError(f"{column} must have a different label for every option")
    return without_letters([str(text) for text in texts]), letters


def labeled(value: Any, column: str) -> tuple[list[Scalar], list[Any]]:
    """Returns the options and their labels, if the file has labels.

    The forms are ["x", "y"], [{"label": "A", "text": "x"}, ...], ARC's {"label": [...], "text": [...]} and MedQA's
    {"A": "x", "B": "y"}.
    """
    if isinstance(value, dict):
        if isinstance(value.get("text"), list):
            return value["text"], value.get("label") or []
        there = {label: text for label, text in value.items() if text is not None}
        return list(there.values()), list(there)  # a typed column has every label in every row
    if not isinstance(value, list):
        raise MalformedError(f"{column} must be a list of strings, not {name_of(value)}")
    if all(isinstance(option, dict) and "text" in option for option in value):
        labels = [option["label"] for option in value if "label" in option]
        return [option["text"] for option in value], labels
    return value, []


def without_letters(texts: list[str]) -> list[str]:
    """Removes "A)", "(A)" or "A." if all options begin like this (AQuA), as the prompt adds its own letters."""
    bare = [
        re.sub(rf"^\(?{letter}[).:]\s*(?=\S)", "", text)
        for letter, text in zip(LETTERS, texts, strict=False)
    ]
    return bare if all(map(ne, bare, texts)) else texts


def answers_of(
    value: Any, column: str, letters: dict[str, str], has_choices: bool
) -> list[str] | None:
    """Returns the accepted answers; the label of an option is replaced by its letter, "(B)"."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        value = value["text"] or None  # SQuAD; None if the question is unanswerable
    check_meaning(value, column, has_choices)
    listed = value if isinstance(value, list) else [value]
    answers = [answer_of(one, column, letters) for one in listed if one is not None]
    if value == []:
        raise MalformedError(f"{column} is empty")
    return answers or None


def answer_of(value: Any, column: str, letters: dict[str, str]) -> str:
    if not isinstance(value, Scalar):
        raise MalformedError(
            f"{column} must be a string, a number or a list of them, not {name_of(value)}"
        )
    if (answer := written(value, column)) is None:
        raise MalformedError(f"{column} is empty")
    label = answer.strip("().")
    return f"({letters[label]})" if label in letters else answer


def check_meaning(value: Any, column: str, has_choices: bool) -> None:
    """Raises MalformedError for values that are common in such a column but are not answers."""
    name = plain(column)
    if name == "correct" and isinstance(value, bool):
        raise MalformedError(f"{column} is true or false: name the answer's column 'answer'")
    if name == "label" and not has_choices and re.fullmatch(r"-?\d+", str(value)):
        raise MalformedError(
            f"{column} is a class number: write the class name, or name the column 'answer'"
        )
