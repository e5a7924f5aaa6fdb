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


HELD_OUT = (("mini_gsm", "held_out", "h?", None), ("mini_arc", "held_out", "h?", ["x", "y"]))


def raw(*rows: tuple[str, str, str, list[str] | None]) -> pl.DataFrame:
    """The rows, and a held-out question of every in-domain task."""
    schema = {"task": pl.String, "split": pl.String, "question": pl.String, "choices": TEXTS}
    return pl.DataFrame([*rows, *HELD_OUT], schema=schema, orient="row")


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
    assert table.height == 6


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("gsm", "held_out", "a?", None), "task 'gsm' is not one of mini_gsm"),
        (("mini_gsm", "test", "a?", None), "split 'test' is not one of unlabeled"),
        (("mini_arc", "unlabeled", "a?", None), "'a\\?' needs 2 to 26 choices"),
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
        labels(
            ("mini_gsm", "a?", None, ["3"]),
            ("mini_gsm", "b?", None, ["4"]),
            ("mini_gsm", "h?", None, ["5"]),
            ("mini_arc", "h?", ["x", "y"], ["(A)"]),
        ),
        questions,
    )
    schemas.labels(table)
    assert table["answers"].to_list() == [["3"], ["5"], ["(A)"]]
    twice = labels(("mini_gsm", "a?", None, ["3"]), ("mini_gsm", "a?", None, ["4"]))
    with pytest.raises(ValueError, match="'a\\?' has two lines with different answers"):
        prepare_labels(twice, questions)
    with pytest.raises(ValueError, match="no answer for the question 'a\\?'"):
        prepare_labels(labels(("mini_gsm", "b?", None, ["4"])), questions)


def test_exemplars_name_their_file_and_entry() -> None:
    good = {"question": "a?", "rationale": "3 = 3.", "answer": "3"}
    table = prepare_exemplars({"mini_gsm": lambda: [good]})
    schemas.exemplars(table)
    with pytest.raises(ValueError, match=r"(?s)exemplars mini_gsm, entry 2.*rationale"):
        prepare_exemplars({"mini_gsm": lambda: [good, {"question": "a?", "answer": "3"}]})


def test_a_task_without_held_out_questions_is_refused() -> None:
    """Before anything is sampled: its gain could not be measured."""
    lone = raw().filter(pl.col("task") == "mini_gsm")
    with pytest.raises(ValueError, match="'mini_arc' has no question in the split 'held_out'"):
        prepare_questions(lone, TASKS)
