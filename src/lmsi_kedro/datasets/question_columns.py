"""Finds the column of each of our fields in a file, which may use our names or those of common data sets."""

import re
from difflib import get_close_matches
from functools import lru_cache

# The first rank with a matching column is used; two matching columns of the same rank are an error.
RANKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "split": (("split",),),
    "task": (("task",),),
    "question": (
        ("question",),
        ("problem", "question_stem", "query"),  # MATH and NuminaMath, OpenBookQA, LogiQA
        ("prompt", "instruction", "input"),  # DAPO, Alpaca, BIG-Bench Hard
        ("messages", "conversations"),  # chats: the last turn of the user
    ),
    "messages": (("messages", "conversations"),),  # only next to a column `question` with the last turn
    "context": (("context",), ("passage", "body", "article")),  # BoolQ and DROP, SVAMP, RACE
    "choices": (("choices",), ("options",)),  # MMLU, AQuA
    "answer": (
        ("answer",),
        # DeepMath, OpenMathReasoning, BIG-Bench Hard, ARC, SciQ, AQuA, verifiers, SQuAD, MMLU variants
        ("final_answer", "expected_answer", "target", "answer_key", "correct_answer", "correct",
         "ground_truth", "answers", "label"),
        ("solution", "response", "output"),  # worked answers: MATH, MetaMathQA, Alpaca
    ),
    "rationale": (  # AQuA; MATH and NuminaMath, OpenMathReasoning; MetaMathQA, Alpaca
        ("rationale",),
        ("solution", "generated_solution", "reasoning", "explanation"),
        ("response", "output"),
    ),
}  # fmt: skip
FIELDS = ("split", "task", "question", "messages", "context", "choices", "answer")
WORKED_FIELDS = ("task", "question", "messages", "context", "choices", "answer", "rationale")
SIMILAR = 0.8  # "quesion", "anwser" and "chioces" are above, "answer_idx" and "task_id" below


class MalformedError(ValueError):
    """An error in a file or a row; the message is written for the author of the file."""


@lru_cache(maxsize=4096)
def columns_of(names: tuple[str, ...], fields: tuple[str, ...] = FIELDS) -> dict[str, str]:
    """Returns the column for each field that is present.

    Raises MalformedError if no column has the question, if two match equally well, or if one looks misspelt.
    """
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault(plain(name), []).append(name)
    found = {field: column for field in fields if (column := column_of(field, by_name)) is not None}
    if plain(found.get("question", "")) != "question":
        found.pop("messages", None)
    for name in names:
        lacking = [field for field in fields if field not in (*found, "messages")]
        if name not in found.values() and (
            meant := get_close_matches(plain(name), lacking, n=1, cutoff=SIMILAR)
        ):
            raise MalformedError(f"is the column {name!r} meant to be {meant[0]!r}?")
    if "question" not in found:
        if not names:
            raise MalformedError("there are no columns: put the questions in the column 'question'")
        listed = ", ".join(map(repr, names))
        raise MalformedError(
            f"there is no column 'question', only {listed}: rename the column that holds the questions "
            "to 'question'"
        )
    return found


def column_of(field: str, by_name: dict[str, list[str]]) -> str | None:
    """Returns the column of the first matching rank."""
    for rank in RANKS[field]:
        fitting = [column for name in rank for column in by_name.get(name, [])]
        if len(fitting) > 1:
            listed = " and ".join(map(repr, fitting))
            raise MalformedError(
                f"the columns {listed} may both be the {field}: rename one to {field!r}"
            )
        if fitting:
            return fitting[0]
    return None


def plain(name: str) -> str:
    """Normalises answerKey, Answer Key and answer-key to answer_key."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s_-]+", "_", name)
    return parted.strip("_").lower()
