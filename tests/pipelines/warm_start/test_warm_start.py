"""Worked examples become training texts; questions that are evaluated are never among them."""

from typing import Any

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import MixingParams
from lmsi_kedro.pipelines.mixing.nodes import render_examples
from lmsi_kedro.pipelines.warm_start.nodes import (
    add_warm_start,
    leave_out_evaluated,
    leave_out_worked,
    read_worked_examples,
    without_answer,
)
from lmsi_kedro.tasks import Task, Tasks

TASKS = Tasks(
    {
        "sums": Task(kind="number", exemplar_set="sums"),
        "picks": Task(kind="choice", exemplar_set=None),
    }
)
SUM = {"task": "sums", "question": "2 + 5?", "rationale": "2 and 5 make 7.", "answer": ["7"]}
PICK = {"task": "picks", "question": "Which is red?", "choices": ["a rose", "a leaf"],
        "rationale": "Roses are red.", "answer": ["a rose"]}  # fmt: skip


def raw(*rows: dict[str, Any]) -> pl.DataFrame:
    placed = [{**row, "source": f"worked.jsonl, line {n}"} for n, row in enumerate(rows, 1)]
    return pl.DataFrame(placed, schema=schemas.RAW_WORKED)


def read(*rows: dict[str, Any], tasks: Tasks = TASKS) -> pl.DataFrame:
    return schemas.worked(read_worked_examples(raw(*rows), tasks))


def questions(*rows: tuple[str, ...]) -> pl.DataFrame:
    """Questions of the task sums; a row is (split, question) or (split, question, context)."""
    table = [(f"q{n}", "sums", *row, *[None] * (4 - len(row))) for n, row in enumerate(rows)]
    return pl.DataFrame(table, schema=schemas.QUESTIONS, orient="row")


def exemplars() -> pl.DataFrame:
    rows = [(f"sums/{n}", f"{n} + 1?", None, None, "We add.", f"{n + 1}") for n in (1, 2)]
    return pl.DataFrame(rows, schema=schemas.EXEMPLARS, orient="row")


def test_texts_end_as_sampled_paths_do() -> None:
    """Choices are given by letter; an answer announced at the end of the rationale is not written twice."""
    announced = SUM | {"question": "3 + 5?", "rationale": "It is 8.\n#### 8", "answer": ["8"]}
    table = read(SUM, announced, PICK)
    assert table["text"].to_list() == [
        "2 and 5 make 7. The answer is 7.",
        "It is 8. The answer is 8.",
        "Roses are red. The answer is (A).",
    ]
    assert table["key"].to_list() == ["num:7", "num:8", "choice:A"]


@pytest.mark.parametrize(
    ("rationale", "left"),
    [
        ("2 + 5 = 7. So the answer is 7.", "2 + 5 = 7."),
        ("2 + 5 = 7\n#### 7", "2 + 5 = 7"),
        ("It costs 7. The final answer is: $7.", "It costs 7."),
        ("The answer is found by adding: 2 + 5 = 7.", "The answer is found by adding: 2 + 5 = 7."),
        ("The answer is 7. It is odd.", "The answer is 7. It is odd."),
        ("#### 7", ""),
        ("7", ""),
    ],
)
def test_announced_answer_is_removed_from_the_rationale(rationale: str, left: str) -> None:
    assert without_answer(rationale, "7") == left


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([SUM, SUM | {"rationale": "The answer is 8."}],
         "worked.jsonl, line 2: the rationale says 8, the answer 7. Correct or remove it"),
        ([SUM | {"rationale": "#### 7"}], "line 1: the rationale is the answer alone"),
        ([SUM | {"answer": ["3 or 5 pears"]}], "line 1: the label '3 or 5 pears' is not one number"),
        ([SUM | {"task": "dates"}], "line 1: its task is dates. The column task must name .* sums, picks"),
        ([SUM | {"task": None}], "line 1: it names no task"),
        ([PICK | {"choices": None}], "line 1: the question has no choices"),
        ([SUM, SUM | {"rationale": "Six.", "answer": ["6"]}],
         "line 1 and worked.jsonl, line 2: the same question has different answers"),
    ],
)  # fmt: skip
def test_wrong_row_is_a_one_line_error(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read(*rows)
    assert "\n" not in str(error.value)


def test_the_only_task_needs_no_name() -> None:
    tasks = Tasks({"sums": TASKS["sums"]})
    assert read(SUM | {"task": None}, tasks=tasks)["task"].to_list() == ["sums"]


def test_distinct_solutions_are_taught_once_each() -> None:
    other = SUM | {"rationale": "5 and 2 make 7."}
    table = read(SUM, other, SUM)
    assert table["path"].to_list() == [0, 1]
    assert table["question_id"].n_unique() == 1
    taught, asked = leave_out_evaluated(table, questions(), exemplars(), TASKS)
    assert schemas.selected(taught).height == 2
    assert schemas.questions(asked).height == 1


def test_examples_have_the_formats_of_sampled_paths() -> None:
    """Exemplar sets of a task take turns; a task without any is taught zero-shot."""
    parts = dict.fromkeys(
        ("few_shot_cot", "few_shot_direct", "zero_shot_cot", "zero_shot_direct"), 1.0
    )
    mixing = MixingParams.model_validate(
        {"parts": parts, "balance": "none", "direct": "once", "exemplars": "same", "seed": 1}
    )
    table = read(SUM, SUM | {"question": "3 + 4?"}, PICK)
    taught, asked = leave_out_evaluated(table, questions(), exemplars(), TASKS)
    assert taught["exemplar_set"].to_list() == ["sums/1", "sums/2", "none"]
    examples = schemas.examples(render_examples(taught, asked, exemplars(), TASKS, mixing))
    assert examples["format"].value_counts().sort("format")["count"].to_list() == [2, 2, 3, 3]
    assert set(examples["arm"]) == {"warm_start"}
    few = examples.filter(format="few_shot_cot").row(0, named=True)
    assert few["prompt"] == "Q: 1 + 1?\nA: We add. The answer is 2.\n\nQ: 2 + 5?\nA:"
    assert few["target"] == " 2 and 5 make 7. The answer is 7."


@pytest.mark.parametrize("split", ["held_out", "probe"])
def test_an_evaluated_question_is_not_taught(split: str) -> None:
    """Case and punctuation do not matter; the same question about a different passage counts as different."""
    passage = SUM | {"context": "A story."}
    asked = questions((split, "2 + 5"), ("unlabeled", "A story. 2 + 5?"))
    taught, worked = leave_out_evaluated(read(SUM, passage), asked, exemplars(), TASKS)
    assert worked["context"].to_list() == ["A story."]
    assert taught["question_id"].to_list() == worked["question_id"].to_list()
    only = "worked.jsonl: each of the 1 worked examples is a held-out or probe question too"
    with pytest.raises(ValueError, match=only):
        leave_out_evaluated(read(SUM), asked, exemplars(), TASKS)


def test_worked_questions_are_removed_from_unlabeled_ones() -> None:
    """Questions of other splits are kept; the counts include all rows."""
    whole = questions(("unlabeled", "2 + 5 ?"), ("unlabeled", "9 + 9?"), ("held_out", "3 + 4?"))
    table = read(SUM, SUM | {"question": "3 + 4?"})
    _, worked = leave_out_evaluated(table, whole, exemplars(), TASKS)
    kept, counts = leave_out_worked(whole, table, worked)
    assert kept["question"].to_list() == ["9 + 9?", "3 + 4?"]
    assert counts == {
        "file": "worked.jsonl",
        "examples": 1,
        "examples_left_out": 1,
        "questions_left_out": 1,
    }
    assert add_warm_start({"headline": {}}, counts, {"pooled": {}})["warm_start"] == {
        **counts,
        "pooled": {},
    }
    with pytest.raises(ValueError, match="each of the 1 unlabeled questions is a worked example"):
        leave_out_worked(whole.head(1), table, worked)


def test_tables_without_unlabeled_questions_are_unchanged() -> None:
    whole = questions(("held_out", "3 + 4?"))
    table = read(SUM)
    _, worked = leave_out_evaluated(table, whole, exemplars(), TASKS)
    assert leave_out_worked(whole, table, worked)[0].equals(whole)
