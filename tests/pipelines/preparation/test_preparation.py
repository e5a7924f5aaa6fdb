"""What people write becomes checked tables, or one clear sentence."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.pipelines.preparation.nodes import (
    choose_tasks,
    prepare_exemplars,
    prepare_labels,
    prepare_questions,
)
from tests.fabricate import TASKS

Row = tuple[str, str, str, list[str] | None, list[str] | None]
HELD_OUT: list[Row] = [
    ("mini_gsm", "held_out", "h?", None, ["5"]),
    ("mini_arc", "held_out", "h?", ["x", "y"], ["(A)"]),
]


def raw(*rows: Row) -> pl.DataFrame:
    """The rows, and a held-out question of every in-domain task."""
    columns = ["task", "split", "question", "choices", "answer"]
    full = [dict(zip(columns, row, strict=True)) for row in (*rows, *HELD_OUT)]
    return pl.DataFrame(full, schema=schemas.RAW_QUESTIONS)


def test_ids_depend_on_task_and_content() -> None:
    table = prepare_questions(
        raw(
            ("mini_gsm", "held_out", "a?", None, None),
            ("mini_svamp", "held_out", "a?", None, None),
            ("mini_arc", "unlabeled", "a?", ["x", "y"], None),
            ("mini_arc", "unlabeled", "a?", ["y", "x"], None),
            ("mini_gsm", "held_out", "a?", None, None),
        ),
        TASKS,
    )
    schemas.questions(table)
    assert table.height == 6


def test_tasks_are_those_that_are_asked() -> None:
    assert list(choose_tasks(raw(), TASKS).root) == ["mini_gsm", "mini_arc"]
    with pytest.raises(ValueError, match="task 'gsm' is not one of mini_gsm"):
        choose_tasks(raw(("gsm", "held_out", "a?", None, None)), TASKS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("mini_gsm", "test", "a?", None, None), "split 'test' is not one of unlabeled"),
        (("mini_arc", "unlabeled", "a?", None, None), "'a\\?' needs 2 to 26 choices"),
    ],
)
def test_unknown_splits_and_missing_choices_are_named(row: Row, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare_questions(raw(row), TASKS)


def test_a_question_in_two_splits_is_refused() -> None:
    both = raw(
        ("mini_gsm", "held_out", "a?", None, None), ("mini_gsm", "unlabeled", "a?", None, None)
    )
    with pytest.raises(ValueError, match="'a\\?' is in more than one split"):
        prepare_questions(both, TASKS)


def test_unlabeled_questions_have_no_label_even_if_the_file_has_one() -> None:
    rows = raw(
        ("mini_gsm", "held_out", "a?", None, ["3", "three"]),
        ("mini_gsm", "unlabeled", "b?", None, ["4"]),
    )
    table = prepare_labels(rows, prepare_questions(rows, TASKS))
    schemas.labels(table)
    assert table["answers"].to_list() == [["3", "three"], ["5"], ["(A)"]]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([["3"], ["4"]], "'a\\?' is there twice with different answers"),
        ([None], "no answer to 'a\\?'"),
    ],
)
def test_contradicting_and_missing_answers_are_named(
    answers: list[list[str] | None], message: str
) -> None:
    rows = raw(*[("mini_gsm", "held_out", "a?", None, answer) for answer in answers])
    with pytest.raises(ValueError, match=message):
        prepare_labels(rows, prepare_questions(rows, TASKS))


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
