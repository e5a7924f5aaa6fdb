"""The record of a run has the time of each step and the trainings of every round."""

import json
from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.datasets.this_run import Stopwatch, ThisRun
from lmsi_kedro.params import MonitorParams
from lmsi_kedro.pipelines.reporting.record import (
    count_tokens,
    describe_run,
    describe_trainings,
    seconds_by_step,
    step_of,
)
from tests.models import tiny_model


@pytest.mark.parametrize(
    ("node", "step"),
    [
        ("round_1.sample_paths", "sampling, to learn from"),
        ("sample_seed_paths", "sampling, to learn from"),
        ("evaluation_0.sample_evaluation_paths", "sampling, evaluation"),
        ("untrained.sample_evaluation_paths", "sampling, evaluation"),
        ("monitor_candidate_1.sample_monitor_paths", "sampling, collapse monitor"),
        ("round_2.fine_tune", "fine-tuning"),
        ("round_1.random.fine_tune", "fine-tuning of control arms"),
        ("round_1.count_votes", "everything else"),
    ],
)
def test_each_node_belongs_to_a_step(node: str, step: str) -> None:
    assert step_of(node) == step


def test_seconds_are_summed_per_step() -> None:
    nodes = {"round_1.sample_paths": 2.0, "a": 1.0, "round_2.sample_paths": 3.0, "b": 0.5}
    assert seconds_by_step(nodes) == {"sampling, to learn from": 5.0, "everything else": 1.5}


def test_record_describes_the_run(tmp_path: Path) -> None:
    """The record can be stored as JSON, including typed parameters."""
    model = Model.at(tiny_model(tmp_path / "tiny"))
    (model.path / "training.json").write_text(json.dumps({"losses": [2.0, 1.0], "params": {}}))
    trainings = describe_trainings(model, model)
    assert trainings == [{"round": 1, "losses": [2.0, 1.0]}, {"round": 2, "losses": [2.0, 1.0]}]
    typed = {"monitor": MonitorParams.model_construct(m=8), "model": "folder/mine"}
    shared = {"prompt_tokens": 10, "computed": 4}
    made = describe_run(ThisRun().load(), typed, model, model, trainings, 5, 6, shared, shared, {})
    assert json.loads(json.dumps(made)) == made
    assert made["parameters"]["monitor"] == {"m": 8}
    assert made["models"]["before"]["name"] == "mine"
    assert made["models"]["after"]["name"] == "tiny"
    warm = describe_run(ThisRun().load(), typed | {"warm_start": "a.jsonl"}, model, model, [], 5, 6)
    assert warm["models"]["before"]["name"] == "mine, warm-started"
    assert made["models"]["before"]["digest"] == model.digest
    assert made["sharing"] == {"prompt_tokens": 20, "computed": 8}
    assert made["hardware"]["cores"] >= 1
    assert count_tokens(pl.DataFrame({"tokens": [1, 2]}), pl.DataFrame({"tokens": [3]})) == 6


def test_node_time_lasts_until_the_next_node(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 3.0, 6.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    watch = Stopwatch()
    watch.before_pipeline_run({"pipeline_names": ["controls"]})
    assert Stopwatch.pipelines == ["controls"]
    for name in ("a", "b"):
        watch.before_node_run(type("Named", (), {"name": name}))
    assert Stopwatch.seconds() == {"a": 2.0, "b": 3.0}
