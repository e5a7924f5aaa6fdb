"""Labels written by people or taken from data sets become answers, or one error with file, line and label."""

import json
import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.datasets.question_file import QuestionFile
from lmsi_kedro.params import PreparationParams
from lmsi_kedro.pipelines.preparation.labels import (
    prepare_gold_labels,
    prepare_labels,
    read_labels,
)
from lmsi_kedro.pipelines.preparation.nodes import choose_tasks, prepare_questions
from lmsi_kedro.tasks import Kind, Tasks

PREPARATION = PreparationParams(held_out_share=0.2, probe_share=0.0)
FOUR = ["w", "x", "y", "z"]
Row = dict[str, Any]


def load(path: Path, *rows: Row) -> pl.DataFrame:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return QuestionFile(filepath=str(path), problems=str(path.parent / "malformed.csv")).load()


def checked(raw: pl.DataFrame) -> tuple[pl.DataFrame, Tasks]:
    tasks = choose_tasks(raw, {}, Tasks({}))
    return read_labels(raw, tasks), tasks


@pytest.mark.parametrize(
    ("rows", "kind", "answers"),
    [
        ([{"question": "3 + 4?", "answer": "3 + 4 = <<3+4=7>>7.\n#### 7"}] * 2, "number", ["7"]),
        ([{"problem": "3 + 4?", "solution": "We add. It is $\\boxed{7}$."}] * 2, "number", ["7"]),
        ([{"problem": "x?", "solution": "So $x = \\boxed{\\frac{\\pi}{2}}$."}], "math", ["\\frac{\\pi}{2}"]),
        ([{"question": f"{n}?", "choices": FOUR, "answer": n} for n in (3, 0)], "choice", ["(D)", "(A)"]),
        ([{"question": "Does it?", "passage": "It does.", "answer": True}], "yes_no", ["yes"]),
        ([{"question": "How far?", "answer": [0.1, "1/10"]}], "number", ["0.1", "1/10"]),
    ],
)  # fmt: skip
def test_labels_of_hub_rows_are_parsed(
    tmp_path: Path, rows: list[Row], kind: Kind, answers: list[str]
) -> None:
    questions = [row | {"split": "held_out"} for row in rows]
    table, tasks = checked(load(tmp_path / "mine.jsonl", *questions))
    assert tasks["mine"].kind == kind
    assert list(dict.fromkeys(table["answer"].explode())) == answers
    assert table.schema == schemas.RAW_QUESTIONS
    schemas.labels(prepare_labels(table, prepare_questions(table, tasks, PREPARATION)))


def test_unparsable_label_is_a_one_line_error(tmp_path: Path) -> None:
    rows = [{"question": f"{n} + 1?", "answer": n + 1} for n in range(40)]
    rows[17]["answer"] = f"She has 3 pens. {30 * 'She finds 2. '}So she has 63."
    with pytest.raises(ValueError, match="label") as caught:
        checked(load(tmp_path / "mine.jsonl", *rows))
    label = "She has 3 pens. She finds 2. S ... 2. She finds 2. So she has 63."
    assert str(caught.value) == (
        f"mine.jsonl, line 18: the label '{label}' is not one number. Write the answer alone, or end a solution "
        "with '#### ' and the answer; tasks.mine.kind sets another kind"
    )


def test_unparsable_labels_of_all_splits_are_named_together(tmp_path: Path) -> None:
    rows: list[Row] = [{"question": f"{n} + 1?", "answer": n + 1} for n in range(900)]
    for n in range(30, 900, 30):
        rows[n] |= {"answer": "unknown", "split": "unlabeled"}
    choice = {"task": "other", "choices": FOUR}
    rows[1] |= {**choice, "answer": "v"}
    rows[2] |= {**choice, "answer": ["w", "u"]}
    raw = load(tmp_path / "mine.jsonl", *rows)
    with pytest.raises(ValueError, match="label") as caught:
        checked(raw)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "31 labels are unparsable. Write the answer alone, or end a solution"
    )
    assert lines[1:4] == [
        "  mine.jsonl, line 2: the label 'v' is not the letter or the text of one of its choices",
        "  mine.jsonl, line 3: the label 'u' is not the letter or the text of one of its choices",
        "  mine.jsonl, line 31: the label 'unknown' is not one number",
    ]
    assert lines[-1] == "  and 11 more"


def test_row_order_and_unlabeled_rows_are_kept(tmp_path: Path) -> None:
    rows = [
        {"question": f"q{n}?", "task": "ab"[n % 2], "answer": str(n) if n % 3 else None}
        for n in range(20)
    ]
    raw = load(tmp_path / "mine.jsonl", *rows)
    table, tasks = checked(raw)
    assert table.equals(raw)
    assert checked(raw.with_columns(answer=pl.lit(None, schemas.TEXTS)))[0].height == 20
    questions = prepare_questions(table, tasks, PREPARATION)
    gold, labels = prepare_gold_labels(table, questions), prepare_labels(table, questions)
    assert gold.height + labels.height == raw["answer"].count()


def test_some_tasks_may_have_no_labels(tmp_path: Path) -> None:
    rows = [{"question": f"How many are {n}?", "task": "bare"} for n in range(9)]
    rows += [{"question": f"{n}?", "task": "labeled", "answer": f"x #### {n}"} for n in range(9)]
    table, tasks = checked(load(tmp_path / "mine.jsonl", *rows))
    assert {name: task.kind for name, task in tasks.root.items()} == dict.fromkeys(
        ("bare", "labeled"), "number"
    )
    assert table.filter(task="bare")["answer"].null_count() == 9
    assert table.filter(task="labeled")["answer"].list.first().to_list() == [*"012345678"]


def test_ambiguous_choice_numbers_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"question": f"q{n}?", "choices": FOUR, "answer": n} for n in (1, 2, 3)]
    with pytest.raises(
        ValueError, match=r"task mmlu: the labels are whole numbers, .* write the letters A, B"
    ):
        checked(load(tmp_path / "mmlu.jsonl", *rows))
    with caplog.at_level(logging.INFO):
        table, _ = checked(load(tmp_path / "mmlu.jsonl", *rows, rows[0] | {"answer": 0}))
    assert table["answer"].to_list() == [["(B)"], ["(C)"], ["(D)"], ["(A)"]]
    assert "The labels of task mmlu are positions counted from 0" in caplog.text


def test_0_and_1_are_not_read_as_verdicts(tmp_path: Path) -> None:
    rows = [{"question": f"Is {n} odd?", "answer": n % 2} for n in range(9)]
    with pytest.raises(
        ValueError, match=r"labels of task mine are 0 and 1, but .* write yes and no"
    ):
        checked(load(tmp_path / "mine.jsonl", *rows))


def test_contradicting_and_missing_answers_name_their_lines(tmp_path: Path) -> None:
    row = {"question": "3 + 4?", "task": "mini", "split": "held_out"}
    for rows, said in [
        ([{**row, "answer": "7"}, {**row, "answer": "8"}],
         r"^m\.jsonl, line 1 and m\.jsonl, line 2: '3 \+ 4\?' has different answers"),
        ([{**row, "question": q, "answer": a} for q in ("3 + 4?", "5 + 6?", "7 + 8?") for a in ("7", "8")],
         r"^3 questions have different answers\. Keep one of each:\n  m\.jsonl, line 1 and .*(\n .*){2}$"),
        ([row], r"^m\.jsonl, line 1: '3 \+ 4\?' is held_out and has no answer"),
        ([row, {**row, "question": "?", "split": "probe"}],
         r"^2 questions to evaluate have no answer\. .*:\n .*\n  m\.jsonl, line 2: '\?' is probe and has no"),
        ([{**row, "split": "unlabeled"}, row], r"^m\.jsonl, line 1 and m\.jsonl, line 2: .* is in more than"),
    ]:  # fmt: skip
        table, tasks = checked(load(tmp_path / "m.jsonl", *rows))
        with pytest.raises(ValueError, match=said):
            prepare_labels(table, prepare_questions(table, tasks, PREPARATION))
    same = [{**row, "answer": "7"}, {**row, "answer": "So it is 7.\n#### 7"}]
    table, tasks = checked(load(tmp_path / "m.jsonl", *same))
    labels = prepare_labels(table, prepare_questions(table, tasks, PREPARATION))
    assert labels["answers"].to_list() == [["7"]]
