"""Each method differs from sft in one respect, and is compared with it on the same questions."""

import json
from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import PreferenceParams, TrainingParams
from lmsi_kedro.pipelines.methods import create_pipeline
from lmsi_kedro.pipelines.methods.nodes import preferring, tabulate, write_page
from tests.graphs import ancestors
from tests.runs import metrics_of, run, world_rows
from tests.settings import TRAINING

METHODS = ("weighted", "gated", "scpo")


def test_every_method_trains_on_the_same_stored_paths() -> None:
    """All train for as many steps as the round; only gold uses labels, and training paths are sampled once."""
    pipeline = create_pipeline()
    training = {node.name: node for node in pipeline.nodes if node.name.endswith("fine_tune")}
    assert len(training) == 1 + len(METHODS) + 2
    for name, node in training.items():
        made_from = set().union(*(ancestors(pipeline, each) for each in node.inputs if "." in each))
        assert {"round_1.paths", "round_1.training"} <= made_from
        assert "labels" not in made_from
        assert ("gold_labels" in made_from) is (name == "round_1.gold.fine_tune")
    sampled = [node.name for node in pipeline.nodes if node.name.endswith(".sample_paths")]
    assert sampled == ["round_1.sample_paths"]


def test_scpo_alone_has_pairs_and_its_own_objective() -> None:
    pipeline = create_pipeline()
    nodes = {node.name: node.inputs for node in pipeline.nodes}
    assert "round_1.scpo.preferences" in nodes["round_1.scpo.fine_tune"]
    assert {name for name in pipeline.datasets() if "preferences" in name} == {
        "round_1.scpo.preferences"
    }
    params = TrainingParams(**TRAINING, preferences=PreferenceParams(beta=0.5))
    chosen = preferring(params.of(Sized(), 100), params)
    assert (chosen.objective, chosen.preferences.beta) == ("scpo", 0.5)
    assert chosen.steps == params.steps


class Sized:
    parameters = 1_000_000


class Trained(Model):
    def record(self) -> dict[str, Any]:
        return {"params": TRAINING}


def compared(delta: float, p: float) -> dict[str, Any]:
    """A comparison with sft, whose accuracy is 60 %."""
    after = {"accuracy": 0.6 + delta, "low": 0.5, "high": 0.7, "n": 100}
    row = {"before": {**after, "accuracy": 0.6}, "after": after, "delta": delta,
           "delta_low": delta - 0.02, "delta_high": delta + 0.02, "p_value": p}  # fmt: skip
    return {"in_domain": ["mini_gsm"], "pooled": {"cot_greedy": row}}


def test_table_has_each_models_difference_from_sft() -> None:
    table = tabulate(
        Trained(Path(), "digest"),
        compared(-0.2, 0.01),
        compared(0.05, 0.04),
        names=["base", "scpo"],
    )
    rows = table["methods"]
    assert list(rows) == ["sft", "base", "scpo"]
    assert rows["sft"]["cot_greedy"]["accuracy"] == 0.6
    assert rows["base"]["cot_greedy"]["p_holm"] == pytest.approx(0.02)
    assert rows["scpo"]["cot_greedy"]["p_holm"] == pytest.approx(0.04)
    assert table["budget"] == {"steps": 5, "batch_size": 4}
    page = write_page(table).splitlines()
    (scpo,) = (line for line in page if line.startswith("| scpo |"))
    assert scpo.endswith(" | 65.0 | +5.0 (+3.0 to +7.0), p 0.04 |")
    assert "| sft | the paths of the vote | 60.0 |  |" in page
    assert len({line.count("|") for line in page if line.startswith("|")}) == 1


@pytest.mark.slow
def test_methods_are_trained_and_compared(tmp_path: Path) -> None:
    """Two rounds with training.objective=scpo then run on the same data root."""
    given: dict[str, Any] = {"paths__m": 8, "paths__questions_per_task": 5}
    done = run(tmp_path, world_rows(), pipeline="methods", **given)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    table = json.loads((tmp_path / "08_reporting/methods.json").read_text())
    assert set(table["methods"]) == {"sft", "base", *METHODS, "random", "gold"}
    assert (tmp_path / "08_reporting/methods.md").read_text() == write_page(table)

    questions = tmp_path / "questions.jsonl"
    metrics = metrics_of(
        tmp_path, questions=questions, rounds=2, training__objective="scpo", **given
    )
    assert len(metrics["rounds"]) == 2
    trained = json.loads((tmp_path / "06_models/candidate_2/training.json").read_text())
    assert trained["params"]["objective"] == "scpo"
