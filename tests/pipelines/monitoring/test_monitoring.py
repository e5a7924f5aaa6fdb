"""The monitor detects a collapse without labels, promotes healthy rounds, and rejects collapsed ones."""

import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.framework.startup import bootstrap_project

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import Guard
from lmsi_kedro.pipelines.fine_tuning.nodes import fine_tune
from lmsi_kedro.pipelines.monitoring.nodes import (
    examine_paths,
    examine_probe,
    judge,
    plan_monitor_paths,
    promote_candidate,
    read_monitor_answers,
    signals,
)
from lmsi_kedro.pipelines.monitoring.support import measure_support
from lmsi_kedro.pipelines.preparation.nodes import (
    choose_tasks,
    prepare_exemplars,
    prepare_questions,
)
from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from lmsi_kedro.tasks import target
from lmsi_kedro.tasks.questions import exemplars_of, prompts_of
from tests.contexts import project_context
from tests.fabricate import TASKS, evaluation_readings, labels, questions
from tests.pipelines.monitoring.healthy import HEALTHY, MONITOR
from tests.stores import DAY

ROOT = Path(__file__).parents[3]


def test_signals_equal_values_computed_by_hand() -> None:
    rows = {
        "question_id": ["a"] * 4 + ["b"] * 4,
        "path": [0, 1, 2, 3] * 2,
        "key": ["num:1", "num:1", "num:2", None, "num:3", "num:3", "num:3", "num:3"],
        "content": [1, 1, 2, 3, 4, 4, 4, 4],
        "tokens": [1, 2, 3, 2, 4, 4, 4, 4],
        "logprob": [-1.0] * 8,
    }
    assert signals(pl.DataFrame(rows)) == {
        "questions": 2,
        "agreement": 0.75,
        "winner_entropy": pytest.approx(1.0),
        "distinct_paths": 0.5,
        "tokens_per_path": 3.0,
        "unreadable": 0.125,
    }


@pytest.mark.parametrize(
    ("change", "alarm"),
    [
        ({"winner_entropy": 1.4}, "winner_entropy 3.00 -> 1.40"),
        ({"distinct_paths": 0.1}, "distinct_paths 0.80 -> 0.10"),
        ({"tokens_per_path": 8}, "tokens_per_path 30.00 -> 8.00"),
        ({"tokens_per_path": 99}, "tokens_per_path 30.00 -> 99.00"),
        ({"agreement": 0.9, "winner_entropy": 2.2}, "agreement 0.60 -> 0.90"),
        ({"agreement": 0.7, "winner_entropy": 2.2}, None),
        ({"unreadable": 0.4}, "unreadable 0.10 -> 0.40"),
        ({"accuracy": 0.5}, "accuracy on the probe 0.60 -> 0.50"),
        ({"agreement": 0.99, "winner_entropy": 2.9, "tokens_per_path": 25, "accuracy": 0.9}, None),
    ],
)
def test_each_limit_has_its_alarm(change: dict[str, float], alarm: str | None) -> None:
    before = {"mini_gsm": HEALTHY | {"accuracy": 0.6}}
    after = {"mini_gsm": HEALTHY | {"accuracy": 0.6} | change}
    assert judge(before, after, MONITOR) == ([f"mini_gsm: {alarm}"] if alarm else [])


def test_only_a_healthy_candidate_is_promoted(caplog: pytest.LogCaptureFixture) -> None:
    old, new = Model(Path("old"), "o"), Model(Path("new"), "n")
    was, now = {"t": HEALTHY}, {"t": HEALTHY | {"winner_entropy": 0.0}}
    same = pl.DataFrame({"question_id": ["q"], "task": ["t"], "support": [0.5]})
    assert promote_candidate(new, old, was, was, same, same, MONITOR)[:2] == (new, was)
    with caplog.at_level(logging.WARNING):
        kept, health, _, verdict = promote_candidate(new, old, was, now, same, same, MONITOR)
    assert (kept, health, verdict["promoted"]) == (old, was, False)
    assert "t: winner_entropy 3.00 -> 0.00" in caplog.text
    said = r"winner_entropy 3\.00 -> 0\.00.* --params=monitor\.on_alarm=roll_back to continue"
    stop = MONITOR.model_copy(update={"on_alarm": "stop"})
    with pytest.raises(RuntimeError, match=said):
        promote_candidate(new, old, was, now, same, same, stop)


def test_only_the_probe_guard_reads_labels() -> None:
    """With `guard=probe`, the promoted model depends on labels; with `none`, the default, it does not."""
    read: dict[Guard, bool] = {"none": False, "probe": True}
    for guard, reads in read.items():
        made = create_pipeline(2, guard).to_outputs("model_1").datasets()
        assert ("labels" in made) is reads
    readings = evaluation_readings(20, skill=0.5).filter(mode="self_consistency")
    readings = readings.with_columns(tokens=9, content=pl.col("text").hash())
    probed = examine_probe(readings, labels(20), questions(20), TASKS)
    for name in TASKS.in_domain:
        assert probed[name]["headroom"] >= 0
        assert 0 < probed[name]["accuracy"] < 1
    plain = examine_paths(readings)
    assert "accuracy" not in plain["mini_gsm"]
    assert plain["mini_svamp"] == probed["mini_svamp"]


def test_support_is_measured_on_the_base_models_paths() -> None:
    """The next round compares the support of its candidate with that of the promoted model."""
    named = {node.name: node for node in create_pipeline(2).nodes}
    for model in ("0", "candidate_1", "candidate_2"):
        measured = named[f"monitor_{model}.measure_support"]
        assert measured.inputs == [f"greedy_readings_{model}", "monitor_readings_0"]
    for round_number in (1, 2):
        promoted = named[f"monitor_candidate_{round_number}.promote_candidate"]
        assert {f"support_{round_number - 1}", f"support_candidate_{round_number}"} < set(
            promoted.inputs
        )
        assert f"support_{round_number}" in promoted.outputs
        assert getattr(promoted.func, "keywords") == {"round_number": round_number}  # noqa: B009


@pytest.fixture(scope="module")
def shipped() -> Any:
    """Questions, tasks, exemplars, base model and parameters of the embedded default."""
    bootstrap_project(ROOT)
    with project_context() as context:
        raw, params = context.catalog.load("raw_questions"), context.params
        exemplars = context.catalog.load("raw_exemplars")
        tasks = choose_tasks(raw, exemplars, params["tasks"])
        yield {
            "questions": prepare_questions(raw, tasks, params["preparation"]),
            "exemplars": prepare_exemplars(exemplars),
            "model": context.catalog.load("base_model"),
            "tasks": tasks,
            "params": params,
        }


def examined(shipped: dict[str, Any], model: Model) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The readings of sampled and of greedy paths of a real model."""
    params, tables = shipped["params"], (shipped["questions"], shipped["exemplars"])
    plan = plan_monitor_paths(
        *tables, model, shipped["tasks"], params["paths"], MONITOR, params["engine"]
    )
    drawn = {wanted.paths: wanted.sampling.temperature for wanted in plan.wanted}
    assert drawn == {range(4): params["paths"].sampling.temperature, range(4, 5): 0}
    paths = [table for _, table in plan.compute(list(plan.chunks))]
    return read_monitor_answers(paths, tables[0], shipped["tasks"], params["voting"], MONITOR)


@pytest.mark.slow
def test_a_real_collapse_is_detected(shipped: dict[str, Any], tmp_path: Path) -> None:
    """A model trained to give one answer to everything always agrees with itself, and is not promoted."""
    tasks, rows = shipped["tasks"], []
    for name, answer in (("mini_gsm", "7"), ("mini_arc", "(A)")):
        asked = shipped["questions"].filter(task=name, split="unlabeled").head(64)
        shots = exemplars_of(shipped["exemplars"], tasks[name])
        for question, prompt in prompts_of(asked, "few_shot_cot", shots).items():
            example = (question, question, 0, 1, "vote", "few_shot_cot", 1.0, prompt)
            rows.append((*example, target(answer)))
    examples = pl.DataFrame(rows, schema=schemas.EXAMPLES, orient="row")
    params = shipped["params"]["training"].model_copy(update={"steps": 60, "batch_size": 16})
    training = params.of(shipped["model"], examples.height)
    engine = shipped["params"]["engine"]
    candidate = fine_tune(examples, shipped["model"], training, engine, str(tmp_path), DAY)
    (drawn, greedy), (redrawn, constant) = (
        examined(shipped, model) for model in (shipped["model"], candidate)
    )
    before, after = examine_paths(drawn), examine_paths(redrawn)
    assert greedy["path"].to_list() == [4] * (drawn.height // 4)
    support, fallen = (measure_support(answers, drawn) for answers in (greedy, constant))
    assert judge(before, before, MONITOR) == []
    promoted, *_, verdict = promote_candidate(
        candidate, shipped["model"], before, after, support, fallen, MONITOR
    )
    assert promoted == shipped["model"]
    assert any("mini_gsm: winner_entropy" in alarm for alarm in verdict["alarms"])
    assert verdict["support"]["high"] < 0
    assert after["mini_gsm"]["agreement"] > before["mini_gsm"]["agreement"]
