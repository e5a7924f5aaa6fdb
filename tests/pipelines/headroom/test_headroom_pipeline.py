"""The headroom pipeline: what it samples, how it is wired into the loop, how it stops a run, and a whole run."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.pipeline import Pipeline

from lmsi_kedro import schemas
from lmsi_kedro.commands import main
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import Arm, EngineParams, HeadroomParams, PathParams, Sampling
from lmsi_kedro.pipelines.headroom.nodes import plan_headroom, refuse_without_gain
from lmsi_kedro.pipelines.self_improve.headroom import create_headroom
from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from lmsi_kedro.pipelines.self_improve_from_seeds import create_pipeline as from_seeds
from lmsi_kedro.tasks import Task, Tasks
from tests.runs import run, world_rows

ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=1, dtype="float32", paths_per_chunk=64, rows=8, chat="auto",
    trust_remote_code=False, skip_too_long=False,
)  # fmt: skip
SPLITS = {"unlabeled": 5, "probe": 4, "held_out": 3}
ARMS: tuple[Arm, ...] = ("random", "gold", "direct_only")
M = 3


def params(**given: Any) -> HeadroomParams:
    off = {"enabled": False, "questions_per_task": 2, "probe": False, "stop": False}
    return HeadroomParams(**off | given)


def plan(headroom: HeadroomParams, splits: dict[str, int] = SPLITS, asked: int = 5) -> Plan:
    rows = [
        (f"{split}-{n}", task, split, f"{n} + 1?", None, None)
        for task in ("sums", "other")
        for split, count in splits.items()
        for n in range(count)
    ]
    tasks = Tasks({"sums": Task(kind="number"), "other": Task(kind="number", in_domain=False)})
    sampling = Sampling(temperature=0.7, max_new_tokens=4, seed=3)
    paths = PathParams(m=M, sampling=sampling, questions_per_task=asked)
    table = pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")
    exemplars = schemas.empty(schemas.EXEMPLARS)
    model = Model(Path("model"), "digest")
    return plan_headroom(table, exemplars, model, tasks, paths, headroom, ENGINE)


def drawn(made: Plan) -> dict[float, dict[str, list[int]]]:
    """The planned paths of every question, by temperature."""
    found: dict[float, dict[str, list[int]]] = {}
    for wanted in made.wanted:
        asked = found.setdefault(wanted.sampling.temperature, {})
        asked |= {question: list(wanted.paths) for question in wanted.prompts}
    return found


def test_greedy_paths_belong_to_questions_of_round_1() -> None:
    """Greedy paths are sampled only for questions that round 1 samples, too."""
    assert drawn(plan(params())) == {0.0: {"unlabeled-0": [M], "unlabeled-1": [M]}}
    assert drawn(plan(params(), asked=1)) == {0.0: {"unlabeled-0": [M]}}


def test_probe_questions_are_voted_on_too() -> None:
    probe = ["probe-0", "probe-1"]
    assert drawn(plan(params(probe=True))) == {
        0.7: {name: list(range(M)) for name in probe},
        0.0: {name: [M] for name in ["unlabeled-0", "unlabeled-1", *probe]},
    }


def test_probe_without_questions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"headroom\.probe=true: no in-domain task has labeled"):
        plan(params(probe=True), SPLITS | {"probe": 0})


def training(pipeline: Pipeline) -> list[str]:
    return [
        name
        for node in pipeline.nodes
        if node.name.endswith("fine_tune")
        for name in node.inputs
        if not name.startswith("params:")
    ]


def reached(pipeline: Pipeline, dataset: str) -> set[str]:
    return pipeline.to_outputs(dataset).datasets()


def test_headroom_is_off_by_default() -> None:
    default = create_pipeline(rounds=2, arms=ARMS)
    assert create_pipeline(rounds=2, arms=ARMS, headroom=params()).nodes == default.nodes
    assert not [name for name in default.datasets() if "headroom" in name]


@pytest.mark.parametrize("probe", [False, True])
def test_enabled_headroom_only_adds_to_the_report(probe: bool) -> None:
    """Probe labels are only read if headroom.probe is set, and never reach training."""
    loop = create_pipeline(rounds=1, arms=ARMS, headroom=params(enabled=True, probe=probe))
    measuring = next(node for node in loop.nodes if node.name.endswith("measure_headroom"))
    assert ("labels" in measuring.inputs) is probe
    assert {"round_1.paths", "round_1.readings"} < set(measuring.inputs)
    assert "headroom" in reached(loop, "report")
    for name in training(loop):
        assert not {"headroom", "labels"} & reached(loop, name), name


@pytest.mark.parametrize("create", [create_pipeline, from_seeds])
def test_with_stop_all_training_waits_for_headroom(create: Any) -> None:
    loop = create(rounds=2, headroom=params(probe=True, stop=True))
    waiting = [node for node in loop.nodes if node.name.endswith("fine_tune")]
    assert len(waiting) == 3
    for node in waiting:
        assert "headroom" in set().union(*(reached(loop, name) for name in node.inputs)), node.name
    votes = next(node for node in loop.nodes if "round_1.votes" in node.outputs)
    assert votes.inputs == ["round_1.counted_votes", "headroom"]


def test_headroom_samples_from_the_base_model() -> None:
    made = create_headroom(probe=False)
    assert "base_model" in made.inputs()
    assert made.outputs() == {"headroom"}


def test_training_is_refused_without_a_shown_gain() -> None:
    votes = pl.DataFrame({"key": ["num:1"]})
    best = {
        "threshold": 0.6,
        "gain": 0.003,
        "gain_low": -0.02,
        "gain_high": 0.026,
        "p_value": 0.9,
        "shown": False,
    }
    found = {"probe": {"questions": 90, "best": best}}
    said = r"^headroom\.stop ended the run before any training\. The vote is not shown .*: do not train on it, "
    with pytest.raises(RuntimeError, match=said):
        refuse_without_gain(votes, found)
    with pytest.raises(RuntimeError, match="No vote"):
        refuse_without_gain(votes, {"probe": {"questions": 90, "best": None}})
    best["shown"] = True
    assert refuse_without_gain(votes, found) is votes


@pytest.mark.slow
def test_headroom_is_measured_and_stops_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The headroom is measured and printed; headroom.stop ends a run; a loop reports it and reuses the paths."""
    rows = world_rows(unlabeled=6, probe=1)  # too few labeled questions to show a gain
    done = run(tmp_path, rows, pipeline="headroom", headroom__probe="true")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    found = json.loads((tmp_path / "08_reporting/headroom.json").read_text())
    assert found["unlabeled"]["pooled"]["questions"] == 24
    assert found["probe"]["questions"] == 4
    assert not list((tmp_path / "06_models").glob("*"))
    assert main(["headroom", f"--params=data_root={tmp_path}"]) == 0
    assert "On 4 labeled probe questions" in capsys.readouterr().out
    sampled = {path: path.stat().st_mtime_ns for path in (tmp_path / "03_paths").rglob("*.parquet")}
    gated = run(tmp_path, rows, headroom__probe="true", headroom__stop="true")
    assert gated.returncode != 0
    assert "headroom.stop ended the run before any training" in gated.stdout + gated.stderr
    assert not list((tmp_path / "06_models").glob("candidate*"))
    assert {path: path.stat().st_mtime_ns for path in sampled} == sampled
    loop = run(tmp_path, rows, headroom__enabled="true")
    assert loop.returncode == 0, loop.stdout[-3000:] + loop.stderr[-5000:]
    page = (tmp_path / "08_reporting/report.html").read_text()
    assert "What was there to gain?" in page
    assert "Greedy answer and vote, without labels" in page
