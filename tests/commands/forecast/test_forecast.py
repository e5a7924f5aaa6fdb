"""The cost of a run is counted from the graph of its pipeline."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lmsi_kedro.commands import main
from lmsi_kedro.commands.dry_run import dry_run, work_of
from lmsi_kedro.commands.forecast import measurement
from lmsi_kedro.commands.forecast.cost import Work
from lmsi_kedro.commands.forecast.measurement import Sampled
from lmsi_kedro.commands.forecast.work import count, paths_of
from lmsi_kedro.commands.project import configured
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import Sampling, sampling

ROOT = Path(__file__).parents[3]
# --env=smoke evaluates six tasks in four greedy modes and by votes of 4 paths; the monitor uses the four in-domain
# tasks.
EVALUATED, MONITORED = 6 * (4 * 12 + 8 * 4), 4 * 6 * (4 + 1)
LEARNED, GENERATED = 4 * 16 * 4, 4 * (40 + 40 * 4)


def work(pipeline: str) -> Work:
    from kedro.framework.project import pipelines

    with configured("smoke", "") as (catalog, _):
        nodes = work_of(pipelines[pipeline])
        return count(nodes, dry_run(nodes, catalog))


@pytest.mark.parametrize(
    ("pipeline", "paths", "others", "trainings"),
    [
        ("self_improve", LEARNED, 3 * EVALUATED + 2 * MONITORED, 2),
        ("controls", LEARNED, 7 * EVALUATED + 2 * MONITORED + 4 * 8 * 8, 6),
        ("evaluation", 0, EVALUATED, 0),
        ("question_generation", 0, GENERATED, 0),
        ("self_improve_from_seeds", LEARNED, GENERATED + 4 * 5 + 3 * EVALUATED + 2 * MONITORED, 2),
    ],
)
def test_paths_and_trainings_of_a_pipeline(
    pipeline: str, paths: int, others: int, trainings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a number depends on the model, its largest possible value is counted."""
    monkeypatch.chdir(ROOT)
    counted = work(pipeline)
    assert (counted.paths, counted.other_paths) == (paths, others)
    assert counted.examples == [4 * 32] * trainings
    assert counted.workers == 2


def test_every_model_of_the_reproduction_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one seed and two temperatures, twelve models are evaluated in three modes, and five are monitored.

    There are five votes over many paths: at two temperatures, and with three kinds of exemplars.
    """
    monkeypatch.chdir(ROOT)
    counted = work("reproduction")
    assert counted.paths == 4 * LEARNED
    assert len(counted.examples) == 10
    evaluated, votes = 6 * (2 * 12 + 8 * 4), 4 * 6 * 4
    others = 12 * evaluated + 5 * votes + 4 * 8 * 8 + GENERATED + 4 * 5
    assert counted.other_paths == others + 5 * MONITORED


def test_a_pair_counts_as_two_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the six trained models uses pairs; these six and the base model are evaluated."""
    monkeypatch.chdir(ROOT)
    counted = work("methods")
    assert sorted(counted.examples) == [4 * 32] * 5 + [2 * 4 * 32]
    assert (counted.paths, counted.other_paths) == (LEARNED, 7 * EVALUATED)


def test_forecast_ignores_savings_of_early_stopping(engine: Any) -> None:
    plan = Plan(ROOT / "data/06_models/base", "digest", engine, early_stop=0.9)
    asked = Sampling(temperature=1.0, max_new_tokens=4, seed=1)
    plan.add({"a": "A", "b": "B"}, range(20), asked, {})
    assert paths_of(plan) == 40


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(ROOT)
    with configured("smoke", "") as (_, params):
        return params["engine"]


def test_pipeline_without_sampling_has_no_forecast(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["forecast", "--pipelines=mini_world"]) == 1
    assert "samples nothing" in capsys.readouterr().err


def test_missing_dataset_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    given = ["forecast", "--pipelines=distillation", f"--params=data_root={tmp_path}"]
    assert main(given) == 1
    said = capsys.readouterr().err
    assert "examples_1" in said
    assert said.count("\n") == 1


def test_int8_is_measured_for_sampling_only(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forward pass stands for training, so it has the number format of engine.dtype=auto."""
    formats, passes = [], []

    def sample(plan: Plan, seconds: float) -> Sampled:
        formats.append(plan.engine.dtype)
        return Sampled(1, 0.0, chunks=2, paths=4, tokens=8, bytes=1, started=1.0, last=2.0)

    def forward_rate(given: Any, lengths: list[int]) -> float:
        given.model.set_attn_implementation("sdpa")
        with torch.inference_mode():
            passes.append(given.model(torch.tensor([[5]])).logits)
        return 1.0

    monkeypatch.setattr(sampling, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(measurement, "sample", sample)
    monkeypatch.setattr(measurement, "forward_rate", forward_rate)
    for dtype in ("auto", "int8"):
        given = engine.model_copy(update={"dtype": dtype, "rows": 4})
        plan = Plan(ROOT / "data/06_models/base", "digest", given)
        measurement.measure(plan, ["A"], 0)
    assert formats == ["auto", "int8"]
    assert torch.equal(*passes)
