"""What people write becomes checked tables, or one clear sentence."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.pipelines.preparation.nodes import (
    prepare_exemplars,
    prepare_labels,
    prepare_questions,
)
from tests.fabricate import TASKS

TEXTS = pl.List(pl.String)


def raw(*rows: tuple[str, str, str, list[str] | None]) -> pl.DataFrame:
    schema = {"task": pl.String, "split": pl.String, "question": pl.String, "choices": TEXTS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def labels(*rows: tuple[str, str, list[str] | None, list[str]]) -> pl.DataFrame:
    schema = {"task": pl.String, "question": pl.String, "choices": TEXTS, "answers": TEXTS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_ids_depend_on_task_and_content() -> None:
    table = prepare_questions(
        raw(
            ("mini_gsm", "held_out", "a?", None),
            ("mini_svamp", "held_out", "a?", None),
            ("mini_arc", "unlabeled", "a?", ["x", "y"]),
            ("mini_arc", "unlabeled", "a?", ["y", "x"]),
            ("mini_gsm", "held_out", "a?", None),
        ),
        TASKS,
    )
    schemas.questions(table)
    assert table.height == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("gsm", "held_out", "a?", None), "task 'gsm' is not one of mini_gsm"),
        (("mini_gsm", "test", "a?", None), "split 'test' is not one of unlabeled"),
    ],
)
def test_unknown_tasks_and_splits_are_named(row: tuple[str, str, str, None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare_questions(raw(row), TASKS)


def test_a_question_in_two_splits_is_refused() -> None:
    both = raw(("mini_gsm", "held_out", "a?", None), ("mini_gsm", "unlabeled", "a?", None))
    with pytest.raises(ValueError, match="'a\\?' is in more than one split"):
        prepare_questions(both, TASKS)


def test_labels_are_joined_by_content_and_unlabeled_questions_have_none() -> None:
    questions = prepare_questions(
        raw(("mini_gsm", "held_out", "a?", None), ("mini_gsm", "unlabeled", "b?", None)), TASKS
    )
    table = prepare_labels(
        labels(("mini_gsm", "a?", None, ["3"]), ("mini_gsm", "b?", None, ["4"])), questions
    )
    schemas.labels(table)
    assert table["answers"].to_list() == [["3"]]
    with pytest.raises(ValueError, match="no answer for the question 'a\\?'"):
        prepare_labels(labels(("mini_gsm", "b?", None, ["4"])), questions)


def test_exemplars_name_their_file_and_entry() -> None:
    good = {"question": "a?", "rationale": "3 = 3.", "answer": "3"}
    table = prepare_exemplars({"mini_gsm": lambda: [good]})
    schemas.exemplars(table)
    with pytest.raises(ValueError, match=r"(?s)exemplars mini_gsm, entry 2.*rationale"):
        prepare_exemplars({"mini_gsm": lambda: [good, {"question": "a?", "answer": "3"}]})
