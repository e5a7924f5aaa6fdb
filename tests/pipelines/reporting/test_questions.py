"""The table of questions equals one that plain Python makes from the same tables."""

import polars as pl
import pytest

from lmsi_kedro.pipelines.reporting import questions as module
from lmsi_kedro.pipelines.reporting.questions import gather_questions
from tests.fabricate import TASKS, evaluation_readings, labels, predictions, questions

SKILLS = (0.45, 0.7)
N = 20


def gathered() -> pl.DataFrame:
    readings = [evaluation_readings(N, skill) for skill in SKILLS]
    return gather_questions(
        questions(N), labels(N), TASKS, *readings, *[predictions(N, skill) for skill in SKILLS]
    )


def test_every_question_has_all_its_answers_and_paths() -> None:
    shown = gathered()
    assert shown["question_id"].to_list() == sorted(questions(N)["question_id"])
    for row in shown.iter_rows(named=True):
        labeled = labels(N).filter(question_id=row["question_id"])
        assert row["answers"] == labeled["answers"][0].to_list()
        for when, skill in zip(("before", "after"), SKILLS, strict=True):
            read = evaluation_readings(N, skill).filter(question_id=row["question_id"])
            marked = predictions(N, skill).filter(question_id=row["question_id"])
            assert {entry["mode"] for entry in row[when]} == set(marked["mode"])
            for entry in row[when]:
                mine, mark = read.filter(mode=entry["mode"]), marked.filter(mode=entry["mode"])
                assert [path["text"] for path in entry["paths"]] == mine["text"].to_list()
                right = [key in row["accepted"] for key in mine["key"]]
                assert [path["right"] for path in entry["paths"]] == right
                assert entry["correct"] is mark["correct"][0]
                assert entry["confidence"] == mark["confidence"][0]
                parsed = mine["key"].drop_nulls().len() > 0
                assert entry["tied"] is (mark["key"][0] is None and parsed)


def test_some_votes_are_tied_and_some_paths_unparsable() -> None:
    """Otherwise the test above would not cover tied votes and unparsable paths."""
    entries = [entry for row in gathered()["before"] for entry in row]
    assert any(entry["tied"] for entry in entries)
    assert any(path["key"] is None for entry in entries for path in entry["paths"])


def test_page_limit_keeps_the_first_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 7)
    assert gathered()["question_id"].to_list() == sorted(questions(N)["question_id"])[:7]
