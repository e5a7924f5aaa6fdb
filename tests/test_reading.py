"""Answers are read in what a path says; start and end are places in its whole text."""

import polars as pl

from lmsi_kedro.reading import read_rows
from lmsi_kedro.tasks import Task, Tasks


def test_no_answer_is_read_in_a_thought() -> None:
    """The thoughts here have letters of several bytes: places are counted in characters."""
    texts = [
        "<think>é 日本: the answer is 4.</think>\nThe answer is 31.",
        "<think>The answer is 4.",
        "The answer is 5.",
    ]
    rows = pl.DataFrame({"text": texts, "finish": "stop", "choices": None})
    read = read_rows(rows, Tasks({"sums": Task(kind="number")}), "sums", "trigger")
    assert read["key"].to_list() == ["num:31", None, "num:5"]
    (start, end, *_), text = read.select("start", "end").row(0), texts[0]
    assert text[start:end] == "31"
