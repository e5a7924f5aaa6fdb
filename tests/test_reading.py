"""Answers are parsed outside of thoughts; `start` and `end` are positions in the whole text of a path."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.reading import batches, read_answers, read_rows
from lmsi_kedro.tasks import Task, Tasks

TASKS = Tasks({"sums": Task(kind="number")})
VOTING = VotingParams(
    rule="trigger", ties="logprob", min_confidence=0.0, max_confidence=1.0,
    max_paths_per_question=None, seed=1,
)  # fmt: skip


def test_answers_in_thoughts_are_ignored() -> None:
    """The thoughts contain letters of several bytes, but positions are counted in characters."""
    texts = [
        "<think>é 日本: the answer is 4.</think>\nThe answer is 31.",
        "<think>The answer is 4.",
        "The answer is 5.",
    ]
    rows = pl.DataFrame({"text": texts, "finish": "stop", "choices": None})
    read = read_rows(rows, TASKS, "sums", "trigger")
    assert read["key"].to_list() == ["num:31", None, "num:5"]
    (start, end, *_), text = read.select("start", "end").row(0), texts[0]
    assert text[start:end] == "31"


def paths_of(*questions: str) -> pl.DataFrame:
    columns = {"path": range(len(questions)), "exemplar_set": "a", "text": " The answer is 7."}
    more = {"tokens": 5, "logprob": None, "finish": "stop"}
    return pl.DataFrame({"question_id": questions, **columns, **more}, schema=schemas.PATHS)


def test_reading_does_not_depend_on_chunks() -> None:
    questions = schemas.empty(schemas.QUESTIONS).extend(
        pl.DataFrame([(q, "sums", "unlabeled", "?", None, None) for q in "abc"],
                     schema=schemas.QUESTIONS, orient="row")
    )  # fmt: skip
    whole = paths_of(*"aabbcc")
    chunks = [whole[start : start + 1] for start in range(6)]
    read = read_answers(chunks, questions, TASKS, VOTING)
    assert read.equals(read_answers([whole], questions, TASKS, VOTING))
    assert read["key"].to_list() == ["num:7"] * 6
    assert [group.height for group in batches(chunks, 4)] == [4, 2]
    with pytest.raises(ValueError, match="some belong to no question; sample again"):
        read_answers([paths_of("d")], questions, TASKS, VOTING)
