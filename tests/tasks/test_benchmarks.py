"""Rows with the hub's schema become questions, labels and reviewed prompts (golden/) of each benchmark."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
import yaml
from datasets import Dataset, DatasetDict
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from lmsi_kedro import kernels, schemas
from lmsi_kedro.datasets.question_file import QuestionFile
from lmsi_kedro.params import Format, PreparationParams, PublicTasksParams
from lmsi_kedro.pipelines.preparation.labels import (
    prepare_gold_labels,
    prepare_labels,
    read_labels,
)
from lmsi_kedro.pipelines.preparation.nodes import (
    choose_tasks,
    prepare_exemplars,
    prepare_questions,
)
from lmsi_kedro.pipelines.public_tasks.nodes import read_benchmark
from lmsi_kedro.pipelines.public_tasks.pipeline import create_pipeline
from lmsi_kedro.tasks import Question, Tasks, render
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from lmsi_kedro.tasks.questions import exemplars_of
from tests.tasks.hub_rows import HUB

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
GOLDEN = Path(__file__).parent / "golden"
EXEMPLARS = {path.stem: path for path in (ROOT / "conf/base/exemplars").glob("*.yml")}


def loader(path: Path) -> Callable[[], Any]:
    return lambda: yaml.safe_load(path.read_text())


LOADERS = {name: loader(path) for name, path in EXEMPLARS.items()}
ALL = PublicTasksParams(names=list(BENCHMARKS), rows_per_split=None)
PREPARATION = PreparationParams(held_out_share=0.2, probe_share=0.0)


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    """The question file that the pipeline makes from all benchmarks."""
    hub = {
        f"hub:{BENCHMARKS[name].path}:{BENCHMARKS[name].config}": DatasetDict(
            {split: Dataset.from_list(rows) for split, rows in merged(name).items()}
        )
        for name in BENCHMARKS
    }
    given = {**hub, "params:public_tasks": ALL}
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()}
    )
    made = SequentialRunner().run(create_pipeline(list(BENCHMARKS)), catalog)
    table: pl.DataFrame = made["public_questions"].load()
    return table


def merged(name: str) -> dict[str, list[dict[str, Any]]]:
    """All splits of a dataset of the hub, of which a benchmark may use only some."""
    path, config = BENCHMARKS[name].path, BENCHMARKS[name].config
    same = [n for n, b in BENCHMARKS.items() if (b.path, b.config) == (path, config)]
    return {split: rows for n in same for split, rows in HUB[n].items()}


def test_tasks_of_the_paper_are_declared() -> None:
    in_domain = {name for name, each in BENCHMARKS.items() if "unlabeled" in each.splits.values()}
    assert in_domain == {
        *("gsm8k", "drop_football", "drop_other", "arc_challenge", "openbookqa"),
        *("anli_a2", "anli_a3"),
    }
    assert set(BENCHMARKS) - in_domain == {
        *("aqua", "svamp", "strategyqa", "anli_a1", "rte", "mnli_m", "mnli_mm"),
    }
    assert set(HUB) == set(BENCHMARKS)


def test_hub_rows_become_questions_and_labels(raw: pl.DataFrame) -> None:
    tasks = choose_tasks(raw, LOADERS, Tasks({}))
    assert set(tasks.root) == set(BENCHMARKS)
    checked = read_labels(raw, tasks)
    assert checked.equals(raw)
    questions = schemas.questions(prepare_questions(checked, tasks, PREPARATION))
    labels = schemas.labels(prepare_labels(checked, questions))
    for name, task in tasks.root.items():
        rows = questions.filter(task=name)
        assert rows.filter(split="held_out").height >= 2
        assert rows.filter(split="unlabeled").is_empty() is not task.in_domain
        known = labels.join(rows, on="question_id")
        choices = known["choices"].to_list() if task.kind == "choice" else None
        first = known["answers"].list.first()
        assert kernels.canonical_keys(first, task.kind, choices).null_count() == 0, name
    assert set(labels["question_id"]).isdisjoint(questions.filter(split="unlabeled")["question_id"])
    gold = schemas.labels(prepare_gold_labels(raw, questions))
    assert set(gold["question_id"]) <= set(questions.filter(split="unlabeled")["question_id"])


def test_awkward_rows_are_converted(raw: pl.DataFrame) -> None:
    """Awkward rows have numbered labels, commas, no answers, no labels, or bodies without a full stop."""

    def held_out(task: str) -> list[dict[str, Any]]:
        return raw.filter(task=task, split="held_out").to_dicts()

    assert [row["answer"] for row in held_out("gsm8k")] == [["7"], ["1,200"], ["-3"]]
    assert [row["answer"] for row in held_out("arc_challenge")] == [["(B)"], ["(A)"], ["(D)"]]
    assert [row["answer"] for row in held_out("mnli_m")] == [
        ["yes"],
        ["it is not possible to tell"],
        ["no"],
    ]
    assert [row["answer"] for row in held_out("rte")] == [["yes"], ["no"], ["yes"]]
    assert [row["answer"] for row in held_out("drop_football")] == [["Owen Marsh", "Marsh"], ["14"]]
    assert {row["context"].split(":")[0] for row in held_out("drop_other")} == {"One year later"}
    assert held_out("aqua")[1]["choices"] == ["1:2", "2:3", "3:4", "none", "(3)"]
    svamp = [row["question"] for row in held_out("svamp")]
    assert "Ann has 3 pens and 2 books. How many pens has she?" in svamp
    assert "Bo ran 1 km on Monday. How far did he run in all?" in svamp


@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_prompts_equal_the_reviewed_ones(name: str, raw: pl.DataFrame) -> None:
    """The prompts show the first held-out row in all four formats.

    To renew the files, delete them and run this test twice.
    """
    row = raw.filter(task=name, split="held_out").row(0, named=True)
    shots = exemplars_of(prepare_exemplars(LOADERS), BENCHMARKS[name].task)
    asked = Question(row["question"], row["context"], row["choices"])
    texts = [f"=== {f}\n{render(f, asked, shots)}\n" for f in get_args(Format)]
    file = GOLDEN / f"{name}.txt"
    if not file.exists():
        file.write_text("\n".join(texts))
        pytest.fail(f"{file} was written: read it")
    assert "\n".join(texts) == file.read_text()


@pytest.mark.skipif(not SHARED.exists(), reason="the real questions are not here")
@pytest.mark.parametrize(
    "name", ["aqua/test", "gsm8k/test", "gsm8k/train", "strategyqa/strategyqa", "svamp/svamp"]
)
def test_real_benchmark_files_are_prepared(name: str, tmp_path: Path) -> None:
    """Every label is parsed, and the kind inferred from the rows alone is that of the benchmark."""
    task = name.split("/")[0]
    file = QuestionFile(filepath=str(SHARED / f"{name}.jsonl.gz"), problems=str(tmp_path / "x"))
    raw = file.load()
    unnamed = raw.with_columns(task=pl.lit("mine"))
    inferred = choose_tasks(unnamed, LOADERS, Tasks({}))
    assert inferred["mine"].kind == BENCHMARKS[task].task.kind
    assert read_labels(unnamed, inferred)["answer"].null_count() == 0
    tasks = choose_tasks(raw, LOADERS, Tasks({}))
    assert tasks.in_domain == [task]
    checked = read_labels(raw, tasks)
    questions = prepare_questions(checked, tasks, PREPARATION)
    labels = prepare_labels(checked, questions)
    assert labels.height == questions.filter(split="held_out").height > raw.height / 10


@pytest.mark.skipif(not SHARED.exists(), reason="the real questions are not here")
def test_all_but_three_bbh_labels_are_read(tmp_path: Path) -> None:
    path = SHARED / "bbh" / "bbh.jsonl.gz"
    raw = QuestionFile(filepath=str(path), problems=str(tmp_path / "x")).load()
    tasks = choose_tasks(raw, {}, Tasks({}))
    assert len(tasks.root) == 27
    with pytest.raises(ValueError, match="3 labels are unparsable") as caught:
        read_labels(raw, tasks)
    lines = [2851, 4183, 4228]
    named = [line.split(": ")[0].strip() for line in str(caught.value).splitlines()[1:]]
    assert named == [f"bbh.jsonl.gz, line {line}" for line in lines]
    good = raw.with_row_index("line", offset=1).filter(~pl.col("line").is_in(lines)).drop("line")
    assert read_labels(good, tasks).equals(good)


@pytest.mark.skipif(not SHARED.exists(), reason="the real questions are not here")
def test_real_questions_convert() -> None:
    """The rows of GSM8K have the format of the hub, a solution whose last line is the answer."""
    with gzip.open(SHARED / "gsm8k" / "test.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    hub = [
        {"question": r["question"], "answer": f"{r['solution']}\n#### {r['answer']}"} for r in rows
    ]
    table = read_benchmark({"train": [], "test": hub}, ALL, "gsm8k")
    assert table.height == 1319
    assert table["answer"].list.first().to_list() == [row["answer"].strip() for row in rows]
