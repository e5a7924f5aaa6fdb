"""Whole runs on the embedded model in which labels, tasks, modes or other inputs are left out."""

from pathlib import Path

import polars as pl
import pytest

from tests.runs import metrics_of, run, without, world_rows

IN_DOMAIN = ("mini_gsm", "mini_arc", "mini_drop", "mini_nli")
MODES = ("standard", "cot_greedy", "self_consistency", "self_consistency_raised",
         "zero_shot_direct", "zero_shot_cot")  # fmt: skip


def test_run_without_labels_measures_nothing(tmp_path: Path) -> None:
    """The loop trains, and the report says that nothing was measured."""
    rows = [without(row, "answer", "split") for row in world_rows() if row["split"] == "unlabeled"]
    metrics = metrics_of(tmp_path, rows)
    assert metrics["headline"] | {"n": 0, "before": None, "improved": False} == metrics["headline"]
    assert metrics["rounds"][0]["tasks"] == {}
    assert pl.read_parquet(tmp_path / "05_examples/examples_1.parquet").height
    page = (tmp_path / "08_reporting/report.html").read_text()
    assert "Nothing was measured" in page


@pytest.mark.slow
def test_only_labeled_tasks_are_measured(tmp_path: Path) -> None:
    """Two tasks are measured; the others are still trained on."""
    labeled = ("mini_gsm", "mini_svamp")
    rows = [r for r in world_rows() if r["split"] == "unlabeled" or r["task"] in labeled]
    metrics = metrics_of(tmp_path, rows)
    assert set(metrics["rounds"][0]["tasks"]) == set(labeled)
    assert metrics["headline"]["n"] == 4
    questions = pl.read_parquet(tmp_path / "02_intermediate/questions.parquet")
    taught = pl.read_parquet(tmp_path / "05_examples/examples_1.parquet").join(
        questions, on="question_id"
    )
    assert set(taught["task"]) - set(labeled)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a whole run; later runs on it compute only what is missing or different."""
    folder = tmp_path_factory.mktemp("data")
    metrics_of(folder, world_rows())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_only_the_given_mode_is_measured(mode: str, data: Path) -> None:
    metrics = metrics_of(data, world_rows(), evaluation__modes=f"[{mode}]")
    for measured in metrics["rounds"][0]["tasks"].values():
        assert list(measured) == [mode]
    if mode == "cot_greedy":
        assert metrics["headline"]["n"] == 4 * len(IN_DOMAIN)


@pytest.mark.slow
@pytest.mark.parametrize("answer", [None, "33"])
def test_run_with_one_question_trains(answer: str | None, tmp_path: Path) -> None:
    """The question is trained on, with or without an answer."""
    asked = "Ted saves 3 days of 9 coins and 3 months of 2 coins. How many coins does Ted have?"
    row = {"question": asked} | ({"answer": answer} if answer else {})
    metrics = metrics_of(tmp_path, [row], voting__ties="logprob", voting__rule="trigger_or_last")
    assert metrics["headline"]["n"] == 0
    assert (
        pl.read_parquet(tmp_path / "05_examples/examples_1.parquet")["question_id"].n_unique() == 1
    )


@pytest.mark.slow
def test_held_out_question_alone_is_refused(tmp_path: Path) -> None:
    """The run stops with an error before anything is sampled."""
    done = run(
        tmp_path, [{"question": "How many are 3 and 4?", "answer": "7", "split": "held_out"}]
    )
    assert done.returncode != 0
    assert "leave rows of the file without a split" in done.stdout
    assert not list(tmp_path.glob("03_paths/**/*.parquet"))


@pytest.mark.slow
def test_task_without_parsable_paths_is_not_taught(tmp_path: Path) -> None:
    """The task contributes no training examples; the other tasks do."""
    dates = [row | {"task": "dates"} for row in world_rows() if row["task"] == "mini_gsm"]
    rows = [row | ({"answer": "2022-10-02"} if "answer" in row else {}) for row in dates]
    metrics = metrics_of(tmp_path, [*world_rows(), *rows], tasks__dates__kind="date")
    assert metrics["rounds"][0]["tasks"]["dates"]["cot_greedy"]["after"]["accuracy"] == 0
    questions = pl.read_parquet(tmp_path / "02_intermediate/questions.parquet")
    taught = pl.read_parquet(tmp_path / "05_examples/examples_1.parquet").join(
        questions, on="question_id"
    )
    assert "dates" not in set(taught["task"])
    assert set(taught["task"]) == set(IN_DOMAIN)


@pytest.mark.slow
def test_run_without_parsable_paths_ends_before_training(tmp_path: Path) -> None:
    """The run ends before training, with one line that says that there is nothing to train on."""
    rows = [without(row, "answer") for row in world_rows() if row["split"] == "unlabeled"]
    rows = [without(row, "choices", "split") | {"task": "dates"} for row in rows]
    done = run(tmp_path, rows, tasks__dates__kind="date")
    assert done.returncode != 0
    assert "(64 unreadable), so there is nothing to train on" in done.stdout + done.stderr


@pytest.mark.slow
def test_empty_data_root_uses_embedded_defaults(tmp_path: Path) -> None:
    """The default questions and model are still those that the project embeds."""
    metrics = metrics_of(tmp_path)
    assert metrics["headline"]["n"] == 12 * len(IN_DOMAIN)
    assert not (tmp_path / "01_raw").exists()


@pytest.mark.slow
def test_second_round_uses_examples_of_both(data: Path) -> None:
    metrics = metrics_of(data, world_rows(), rounds=2)
    assert [found["round"] for found in metrics["rounds"]] == [1, 2]
    newest = pl.read_parquet(data / "05_examples/examples_2.parquet")
    assert set(newest["round"]) <= {1, 2}


@pytest.mark.slow
def test_probe_guard_measures_accuracy(data: Path) -> None:
    metrics = metrics_of(data, world_rows(), guard="probe")
    assert metrics["headline"]["guard"] == "probe"
    assert "accuracy" in str(metrics["rounds"][0]["monitor"])
