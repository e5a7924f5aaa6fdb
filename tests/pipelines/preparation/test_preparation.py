"""Questions and exemplars written by people become checked tables, or one clear error."""

import logging
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import PreparationParams
from lmsi_kedro.pipelines.preparation.labels import (
    prepare_gold_labels,
    prepare_labels,
)
from lmsi_kedro.pipelines.preparation.nodes import (
    choose_tasks,
    prepare_exemplars,
    prepare_questions,
)
from lmsi_kedro.tasks import Task, Tasks
from tests.fabricate import TASKS

PREPARATION = PreparationParams(held_out_share=0.2, probe_share=0.0)

Row = tuple[str, str | None, str, list[str] | None, list[str] | None]
HELD_OUT: list[Row] = [
    ("mini_gsm", "held_out", "h?", None, ["5"]),
    ("mini_arc", "held_out", "h?", ["x", "y"], ["(A)"]),
]


def raw(*rows: Row) -> pl.DataFrame:
    """A table of the rows and a held-out question of every in-domain task."""
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
        PREPARATION,
    )
    schemas.questions(table)
    assert table.height == 6


def test_undeclared_task_is_inferred(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = raw(*[("mine", None, f"q{i}?", None, [str(i)]) for i in range(9)])
    with caplog.at_level(logging.INFO):
        tasks = choose_tasks(rows, {"mine": list}, TASKS)
    assert tasks.root == {
        "mine": Task(kind="number", exemplar_set="mine", in_domain=True),
        "mini_gsm": TASKS["mini_gsm"],
        "mini_arc": TASKS["mini_arc"],
    }
    assert "Task mine: kind of answer number, since 9 answers can be parsed as such" in caplog.text
    in_a_folder = choose_tasks(rows, {"mine/1": list, "mine/2": list}, TASKS)
    assert in_a_folder["mine"].exemplar_set == "mine"
    assert choose_tasks(rows, {"mines": list}, TASKS)["mine"].exemplar_set is None
    declared = Tasks(TASKS.root | {"mine": Task(kind="text")})
    assert choose_tasks(rows, {}, declared)["mine"] == Task(kind="text")
    undeclared = Tasks({"mine": Task(in_domain=False)})
    assert choose_tasks(rows, {}, undeclared)["mine"] == Task(kind="number", in_domain=False)
    zero_shot = Tasks({"mine": Task(exemplar_set=None)})
    assert choose_tasks(rows, {"mine": list}, zero_shot)["mine"].exemplar_set is None


def test_benchmark_name_gives_kind_and_exemplars_only() -> None:
    """A task with unlabeled questions is in domain, whatever its name."""
    file = raw(*[("svamp", None, f"q{i}?", None, [str(i)]) for i in range(9)])
    sets: dict[str, Callable[[], Any]] = {"gsm8k": list, "mini_gsm": list}
    task = choose_tasks(file, sets, TASKS)["svamp"]
    assert task == Task(kind="number", exemplar_set="gsm8k", in_domain=True)
    assert choose_tasks(file, {**sets, "svamp": list}, TASKS)["svamp"].exemplar_set == "svamp"
    assert choose_tasks(file, {}, TASKS)["svamp"].exemplar_set is None
    public = file.with_columns(split=pl.lit("held_out"))
    assert choose_tasks(public, sets, TASKS)["svamp"].in_domain is False
    refused = Tasks(TASKS.root | {"svamp": Task(in_domain=False)})
    assert choose_tasks(file, sets, refused)["svamp"] == Task(
        kind="number", exemplar_set="gsm8k", in_domain=False
    )


def test_labeled_questions_are_split_by_their_hash() -> None:
    """A question gets the same split in every file; unlabeled ones are never held out."""
    rows = [("mini_gsm", None, f"q{i}?", None, ["1"] if i % 2 else None) for i in range(2000)]
    shares = PreparationParams(held_out_share=0.3, probe_share=0.1)
    table = prepare_questions(raw(*rows), TASKS, shares)
    labeled = set(raw(*rows).filter(pl.col("answer").is_not_null())["question"])
    counts = dict(table["split"].value_counts().iter_rows())
    assert counts["held_out"] == pytest.approx(300, abs=45)
    assert counts["probe"] == pytest.approx(100, abs=30)
    held_out = set(table.filter(pl.col("split") != "unlabeled")["question"])
    assert held_out <= labeled
    half = prepare_questions(raw(*rows[:1000]), TASKS, shares)
    assert set(half.filter(split="held_out")["question"]) == {
        q for q in table.filter(split="held_out")["question"] if q in set(half["question"])
    }
    with pytest.raises(ValueError, match="sum to more than 1"):
        PreparationParams(held_out_share=0.7, probe_share=0.5)


def test_missing_choices_are_named() -> None:
    rows = raw(("mini_arc", "unlabeled", "a?", None, None))
    said = "the question has no choices, but its task mini_arc is of kind choice"
    with pytest.raises(
        ValueError, match=rf"^questions: a\?: {said} \(1 question without choices\)"
    ):
        prepare_questions(rows, TASKS, PREPARATION)
    with pytest.raises(ValueError, match=rf"^q\.csv, line 7: {said}"):
        prepare_questions(rows.with_columns(source=pl.lit("q.csv, line 7")), TASKS, PREPARATION)


def test_duplicate_question_is_kept_once(caplog: pytest.LogCaptureFixture) -> None:
    row = ("mini_gsm", "unlabeled", "a?", None, None)
    table = prepare_questions(
        raw(row, ("mini_gsm", "unlabeled", "b?", None, None), row), TASKS, PREPARATION
    )
    assert table.filter(split="unlabeled")["question"].to_list() == ["a?", "b?"]
    assert "Dropped 1 duplicate question" in caplog.text


def test_a_question_in_two_splits_is_refused() -> None:
    both = raw(
        ("mini_gsm", "held_out", "a?", None, None), ("mini_gsm", "unlabeled", "a?", None, None)
    )
    with pytest.raises(ValueError, match="'a\\?' is in more than one split"):
        prepare_questions(both, TASKS, PREPARATION)


def test_answers_to_unlabeled_questions_become_gold_labels() -> None:
    rows = raw(
        ("mini_gsm", "held_out", "a?", None, ["3", "three"]),
        ("mini_gsm", "unlabeled", "b?", None, ["4"]),
    )
    table = prepare_labels(rows, prepare_questions(rows, TASKS, PREPARATION))
    schemas.labels(table)
    assert table["answers"].to_list() == [["3", "three"], ["5"], ["(A)"]]
    more = pl.concat([rows, raw(*[("mini_gsm", "unlabeled", "c?", None, [n]) for n in "12"])[:2]])
    gold = prepare_gold_labels(more, prepare_questions(more, TASKS, PREPARATION))
    assert schemas.labels(gold)["answers"].to_list() == [["4"]]  # c? has two answers, so no label


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([["3"], ["4"]], r"questions: a\? and questions: a\?: 'a\?' has different answers"),
        ([None], r"questions: a\?: 'a\?' is held_out and has no answer"),
    ],
)
def test_contradicting_and_missing_answers_are_named(
    answers: list[list[str] | None], message: str
) -> None:
    rows = raw(*[("mini_gsm", "held_out", "a?", None, answer) for answer in answers])
    with pytest.raises(ValueError, match=message):
        prepare_labels(rows, prepare_questions(rows, TASKS, PREPARATION))


def test_exemplars_name_their_file_and_entry() -> None:
    good = {"question": "a?", "rationale": "3 = 3.", "answer": "3"}
    table = prepare_exemplars({"mini_gsm": lambda: [good]})
    schemas.exemplars(table)
    with pytest.raises(ValueError, match=r"(?s)exemplars mini_gsm, entry 2.*rationale"):
        prepare_exemplars({"mini_gsm": lambda: [good, {"question": "a?", "answer": "3"}]})


def test_missing_held_out_questions_are_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lone = raw(("mini_arc", "unlabeled", "a?", ["x", "y"], None)).filter(split="unlabeled")
    table = prepare_questions(lone, choose_tasks(lone, {}, TASKS), PREPARATION)
    assert "mini_arc has no labeled held-out question: nothing is measured for it" in caplog.text
    schemas.labels(prepare_labels(lone, table))
