"""The loop after a warm start on the embedded model, from a file of worked examples to the report."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.datasets.model_directory import Model
from tests.runs import ROOT, metrics_of, run, world_rows
from tests.worked import worked_file, worked_rows

pytestmark = pytest.mark.slow


def first(split: str) -> dict[str, Any]:
    """The first question of mini_gsm in a split, rewritten as a worked example."""
    rows = (row for row in world_rows() if (row["task"], row["split"]) == ("mini_gsm", split))
    row = next(rows)
    return {
        "task": row["task"],
        "question": row["question"].upper(),
        "rationale": "We count.",
        "answer": row["answer"][0],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a run whose worked examples repeat one held-out, one probe and one unlabeled question."""
    data = tmp_path_factory.mktemp("data")
    again = [first(split) for split in ("held_out", "probe", "unlabeled")]
    worked = worked_file(data, [*worked_rows(4), *again])
    metrics_of(data, world_rows(), warm_start=worked, warm_start_training__epochs=1)
    return data


def test_metrics_disclose_the_warm_start(data: Path) -> None:
    """The loop's `before` is the warm-started model; the given model is reported too."""
    metrics = json.loads((data / "08_reporting/metrics.json").read_text())
    warm = metrics["warm_start"]
    counts = {name: warm[name] for name in ("file", "examples", "examples_left_out")}
    assert counts == {"file": "worked.jsonl", "examples": 17, "examples_left_out": 2}
    assert warm["questions_left_out"] == 1
    assert (warm["before"]["arm"], warm["after"]["arm"]) == ("given", "base")
    greedy = warm["pooled"]["cot_greedy"]
    assert greedy["after"]["accuracy"] == metrics["headline"]["before"]
    assert greedy["before"]["n"] == metrics["headline"]["n"] == 16


def test_page_and_command_disclose_the_warm_start(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "first trained, supervised, on 17 labeled examples (file worked.jsonl)"
    page = (data / "08_reporting/report.html").read_text()
    header = page[page.index("<header>") : page.index("</header>")]
    assert said in header
    assert "given model → warm start" in page
    assert main(["report", f"--params=data_root={data}"]) == 0
    assert said in capsys.readouterr().out


def test_every_training_starts_from_the_right_model(data: Path) -> None:
    """The warm start trains the given model for one epoch; the loop starts from the warm-started model."""
    jobs = [json.loads(path.read_text()) for path in (data / "06_models/jobs").glob("*/job.json")]
    bases = sorted(Path(job["base_model"]).name for job in jobs)
    assert bases == ["base", "warm_model", "warm_model"]
    (warm,) = (job for job in jobs if Path(job["base_model"]).name == "base")
    examples = pl.read_parquet(data / "05_examples/examples_warm.parquet")
    assert examples["format"].value_counts()["count"].to_list() == [17] * 4
    assert warm["params"]["steps"] == -(-examples.height // warm["params"]["batch_size"])
    given = Model.at(ROOT / "data/06_models/base")
    assert Model.at(data / "06_models/warm_model").digest != given.digest


def test_taught_questions_are_never_sampled(data: Path) -> None:
    """Questions are compared by content: the worked examples repeat them in capitals."""

    def words(file: str) -> pl.DataFrame:
        table = pl.read_parquet(data / file)
        return table.with_columns(pl.col("question").str.to_lowercase())

    worked = words("02_intermediate/worked_questions.parquet")
    asked = words("02_intermediate/questions.parquet")
    assert asked.join(worked, on=["task", "question", "context"], nulls_equal=True).is_empty()
    whole = words("02_intermediate/all_questions.parquet")
    gone = whole.join(asked, on="question_id", how="anti")
    assert gone.select("task", "split").rows() == [("mini_gsm", "unlabeled")]


def test_an_example_and_a_question_are_explained(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    given = ["--env=smoke", f"--params=data_root={data}"]
    example = pl.read_parquet(data / "05_examples/examples_warm.parquet").row(0, named=True)
    assert main(["explain", example["example_id"], *given]) == 0
    said = capsys.readouterr().out
    assert "labeled example of the warm start, from worked.jsonl, line 1" in said
    assert example["target"].strip() in said
    voted = pl.read_parquet(data / "04_votes/round_1/votes.parquet")["question_id"][0]
    assert main(["explain", voted, *given]) == 0
    digest = Model.at(data / "06_models/warm_model").digest
    assert f"warm_model, digest {digest}" in capsys.readouterr().out


def test_warm_start_runs_alone(data: Path, tmp_path: Path) -> None:
    """The question file may contain the worked examples: those that are not held out are kept as examples."""
    rows = [row | {"split": "held_out"} for row in worked_rows(1)] + worked_rows(2, seed=5)
    worked = worked_file(tmp_path, worked_rows(2, seed=5))
    done = run(tmp_path, rows, pipeline="warm_start", warm_start=worked)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    metrics = json.loads((tmp_path / "07_evaluation/metrics_warm.json").read_text())
    assert metrics["before"]["arm"] == "given"
    assert (tmp_path / "06_models/warm_model/config.json").exists()


def test_loop_steps_sample_from_the_warm_model(data: Path) -> None:
    """The steps reuse the paths of the whole run, because addresses of paths depend on the model."""
    before = {path: path.stat().st_mtime_ns for path in (data / "03_paths").rglob("*.parquet")}
    done = run(
        data, world_rows(), pipeline="sampling", warm_start=data / "worked.jsonl",
        warm_start_training__epochs=1,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    after = {path: path.stat().st_mtime_ns for path in (data / "03_paths").rglob("*.parquet")}
    assert after == before
