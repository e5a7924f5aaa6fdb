"""Runs the reporting pipeline on fabricated tables in memory."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.text import TextDataset

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.params import Arm
from lmsi_kedro.pipelines.controls.nodes import contrast
from lmsi_kedro.pipelines.reporting.nodes import describe_model
from lmsi_kedro.pipelines.reporting.pipeline import create_pipeline
from lmsi_kedro.report.words import MODE_NAMES, percent
from tests.fabricate import NAMES, TASKS, evaluation_readings, labels, predictions, questions
from tests.recorded import recorded

N = 50
LEAKS = {"questions": 30, "exact": 1, "overlapping": 4, "words": 13}
VOTES = {
    "votes": {
        "questions": 400,
        "decided": 371,
        "tied": 29,
        "kept": 371,
        "unreadable": 0.043,
        "confidence": 0.58,
        "winner_entropy": 5.21,
        "distinct_paths": 6.4,
        "tokens_per_path": 31.2,
    },
    "funnel": {
        "questions": {"all": 400, "tied": 29, "kept": 371},
        "paths": {"all": 6400, "disagrees": 2900, "unreadable": 275, "capped": 1741, "kept": 1484},
    },
    "sampling": {"paths": 6400, "tokens": 199_680},
}

PRECISION = {
    "n": 40, "paths": 8, "accuracy": 0.8, "wanted": 0.9,
    "threshold": {"confidence": 0.62, "n": 30, "precision": 0.95, "precision_low": 0.9, "precision_high": 0.98},
}  # fmt: skip
CURVES: dict[str, Any] = {
    "questions": 100,
    "k": [1, 2, 4, 8],
    "maj": [0.4, 0.4, 0.5, 0.6],
    "pass": [0.4, 0.5, 0.6, 0.7],
}

SIGNALS = {"questions": 50, "agreement": 0.6, "winner_entropy": 4.5, "distinct_paths": 0.7,
           "tokens_per_path": 30.5, "unreadable": 0.02}  # fmt: skip
HEALTH = {"mini_gsm": SIGNALS, "mini_arc": SIGNALS}
SUPPORT = {
    "questions": 200, "before": 0.5, "candidate": 0.625, "gain": 0.125, "low": 0.1, "high": 0.15,
}  # fmt: skip
MONITOR = {
    "promoted": True, "alarms": [], "doubts": [], "support": SUPPORT, "before": HEALTH, "candidate": HEALTH,
}  # fmt: skip


def inputs(rounds: int, n: int = N, gain: float = 0.2) -> dict[str, Any]:
    """Every input of the pipeline; each round gains half as much as the round before."""
    skills = [0.45 + gain * (2 - 0.5 ** (k - 1)) for k in range(1, rounds + 1)]
    base, random = predictions(n, 0.45), predictions(n, 0.46, 1, "random")
    rounds_made = [predictions(n, skill, k, "vote") for k, skill in enumerate(skills, 1)]
    return {
        "questions": questions(n),
        "labels": labels(n),
        "tasks": TASKS,
        "run_record": recorded(rounds),
        "label_precision": PRECISION if n else {},
        "predictions_0": base,
        f"predictions_{rounds}": rounds_made[-1],
        "evaluation_readings_0": evaluation_readings(n, 0.45),
        f"evaluation_readings_{rounds}": evaluation_readings(n, skills[-1], rounds, "vote"),
        "metrics_random": compare(base, random, TASKS),
        "metrics_vote_over_random": compare(random, rounds_made[0], TASKS),
        **{f"metrics_{k}": compare(base, made, TASKS) for k, made in enumerate(rounds_made, 1)},
        **{
            f"metrics_step_{k}": compare(previous, made, TASKS)
            for k, (previous, made) in enumerate(pairwise([base, *rounds_made]), 1)
        },
        **{f"curves_{k}": CURVES for k in range(rounds + 1)},
        **{f"monitor_{k}": MONITOR for k in range(1, rounds + 1)},
        **{f"leaks_{k}": LEAKS for k in range(1, rounds + 1)},
        **{f"vote_statistics_{k}": VOTES for k in range(1, rounds + 1)},
    }


def run(rounds: int, folder: Path, **changed: Any) -> dict[str, Any]:
    """Run the pipeline and load what it stored."""
    return report_on(inputs(rounds, **changed), create_pipeline(rounds), folder)


def report_on(given: dict[str, Any], pipeline: Pipeline, folder: Path) -> dict[str, Any]:
    saved = {
        "metrics": JSONDataset(filepath=str(folder / "metrics.json")),
        "accuracy_chart": JSONDataset(filepath=str(folder / "accuracy.json")),
        "report": TextDataset(filepath=str(folder / "report.html")),
    }
    tables = {name: MemoryDataset(value) for name, value in given.items()}
    SequentialRunner().run(pipeline, DataCatalog({**tables, **saved}))
    return {name: dataset.load() for name, dataset in saved.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(2, tmp_path_factory.mktemp("reporting"))


def test_inputs_are_the_declared_ones() -> None:
    assert create_pipeline(2).inputs() == set(inputs(2))


def test_metrics_are_json_with_the_documented_shape(made: dict[str, Any]) -> None:
    metrics = json.loads(json.dumps(made["metrics"], allow_nan=False))
    headline = metrics["headline"]
    assert {"before", "after", "delta", "p_value", "n", "improved", "beats_controls"} < set(
        headline
    )
    assert headline["n"] == 2 * N
    assert headline["delta"] == pytest.approx(headline["after"] - headline["before"])
    for entry in [*metrics["rounds"], metrics["controls"]["random"]]:
        assert list(entry["tasks"]) == NAMES
        for mode in ("standard", "cot_greedy", "self_consistency"):
            row = entry["tasks"]["mini_gsm"][mode]
            assert set(row["before"]) == set(row["after"]) == {"accuracy", "low", "high", "n"}
    assert [entry["round"] for entry in metrics["rounds"]] == [1, 2]
    assert metrics["rounds"][1]["votes"] == VOTES["votes"]


def test_headline_is_the_last_round_against_the_base(made: dict[str, Any]) -> None:
    metrics = made["metrics"]
    pooled = metrics["rounds"][-1]["pooled"]["cot_greedy"]
    headline = metrics["headline"]
    assert headline["after"] == pooled["after"]["accuracy"]
    assert headline["improved"] is True
    assert headline["beats_controls"] is True
    gain = metrics["rounds"][0]["pooled"]["cot_greedy"]["delta"]
    random = metrics["controls"]["random"]["pooled"]["cot_greedy"]
    standing = headline["arms"]["random"]
    assert standing["share"] == pytest.approx(random["delta"] / gain)
    assert standing["beaten"] is True
    assert metrics["equal_compute"] == {}


def test_share_of_insignificant_gain_is_omitted(tmp_path: Path) -> None:
    """The vote gains .4 points and the control loses 1.4, so "-350 % of the vote's gain" is meaningless."""
    given = inputs(1)
    base = given["predictions_0"]
    given["metrics_1"] = compare(base, predictions(N, 0.47, 1, "vote"), TASKS)
    vote = given["metrics_1"]["pooled"]["cot_greedy"]
    assert vote["delta_low"] <= 0
    found = report_on(given, create_pipeline(1, ("random",)), tmp_path)
    assert found["metrics"]["headline"]["arms"]["random"]["share"] is None


def test_threshold_of_the_run_is_reported(made: dict[str, Any]) -> None:
    assert made["metrics"]["label_precision"] == PRECISION
    assert "a confidence of at least 0.62" in made["report"]


def test_every_arm_is_described(tmp_path: Path) -> None:
    """If a control is as good as the vote, no gain is claimed; the upper bound and format arms do not count."""
    given = inputs(1)
    arms: tuple[Arm, ...] = ("random", "shuffled", "gold", "direct_only")
    vote, base = predictions(N, 0.65, 1, "vote"), given["predictions_0"]
    skills = {"random": 0.46, "shuffled": 0.3, "gold": 0.7, "direct_only": 0.65}
    for arm, skill in skills.items():
        made = predictions(N, skill, 1, arm)
        given[f"metrics_{arm}"] = compare(base, made, TASKS)
        given[f"metrics_vote_over_{arm}"] = compare(made, vote, TASKS)
    given["equal_compute"] = contrast(
        base.filter(mode="self_consistency"), vote, {"tokens": 9, "affordable": 80, "m": 8}
    )
    found = report_on(given, create_pipeline(1, arms, equal_compute=True), tmp_path)
    headline, page = found["metrics"]["headline"], found["report"]
    assert headline["beats_controls"] is True
    assert headline["arms"]["direct_only"]["beaten"] is False
    assert "as many random paths or the paths of other questions gains less" in page
    assert "This is the upper bound" in page
    assert "pays for 80 paths of the untrained model" in page
    given["metrics_vote_over_shuffled"] = compare(vote, vote, TASKS)
    found = report_on(given, create_pipeline(1, arms, equal_compute=True), tmp_path)
    assert found["metrics"]["headline"]["beats_controls"] is False
    assert "training on the paths of other questions is not shown to gain less" in found["report"]


@pytest.mark.parametrize("arms", [(), ("gold",)])
def test_claim_of_a_gain_needs_a_control(tmp_path: Path, arms: tuple[Arm, ...]) -> None:
    given = inputs(1)
    given["metrics_gold"] = given.pop("metrics_random")
    given["metrics_vote_over_gold"] = given.pop("metrics_vote_over_random")
    found = report_on(given, create_pipeline(1, arms), tmp_path)
    assert found["metrics"]["headline"]["improved"] is True
    assert found["metrics"]["headline"]["beats_controls"] is False
    assert "no control arm without the vote was trained" in found["report"]


def test_missing_gain_is_stated_plainly(tmp_path: Path) -> None:
    found = run(1, tmp_path, gain=0.0)
    headline = found["metrics"]["headline"]
    assert headline["improved"] is False
    assert headline["beats_controls"] is False
    assert "No improvement is shown" in found["report"]


def test_without_labels_nothing_is_claimed(tmp_path: Path) -> None:
    """The votes and the monitor are still reported."""
    found = run(1, tmp_path, n=0)
    headline = found["metrics"]["headline"]
    assert (headline["n"], headline["improved"], headline["p_value"]) == (0, False, None)
    page = found["report"]
    assert "Nothing was measured: no held-out question has a label" in page
    assert "No improvement is claimed." in page
    assert "95.7 % of the sampled paths were parsed" in page
    assert "58.0 % of a question&#39;s paths agree" in page
    assert "Has it collapsed?" in page
    assert "Accuracy before and after" not in page


def test_figures_show_every_task_and_mode(made: dict[str, Any]) -> None:
    for task, modes in made["metrics"]["rounds"][-1]["tasks"].items():
        for mode, row in modes.items():
            before, after = (percent(row[when]["accuracy"]) for when in ("before", "after"))
            said = re.search(
                rf"<title>{task}[^<]*, {MODE_NAMES[mode]}: ([^<]*)</title>", made["report"]
            )
            assert said
            assert f"{before} (" in said[1]
            assert f"{after} (" in said[1]
    for when, found in made["metrics"]["rounds"][-1]["calibration"].items():
        assert f"{when} (ECE {found['ece']:.3f})" in made["report"]


def test_chart_has_every_task_and_mode(made: dict[str, Any]) -> None:
    before, after = made["accuracy_chart"]["data"]
    tasks = made["metrics"]["rounds"][-1]["tasks"]
    assert after["x"] == [row["after"]["accuracy"] for t in tasks.values() for row in t.values()]
    assert len(before["y"]) == len(set(before["y"])) == len(after["x"])


def test_curves_and_steps_are_shown(made: dict[str, Any]) -> None:
    for name, share in (("maj", "maj"), ("pass", "pass")):
        for k, value in zip(CURVES["k"], CURVES[share], strict=True):
            assert f"{name}@k after, k = {k}: {percent(value)}" in made["report"]
    second = made["metrics"]["rounds"][1]
    assert second["step"]["cot_greedy"]["before"]["accuracy"] == pytest.approx(
        made["metrics"]["rounds"][0]["pooled"]["cot_greedy"]["after"]["accuracy"]
    )
    assert "round 1 → round 2" in made["report"]
    assert 'aria-label="275 unparsable, 2,900 disagree, 1,741 capped, 1,484 kept"' in made["report"]


def test_unpromoted_round_is_reported_at_the_top() -> None:
    given = inputs(1)
    given["monitor_1"] = MONITOR | {
        "promoted": False,
        "alarms": ["mini_gsm: winner_entropy 4 -> 0"],
    }
    given["run_record"]["parameters"]["guard"] = "probe"
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()})
    page = SequentialRunner().run(create_pipeline(1), catalog)["report"].load()
    head = page[: page.index("What got worse")]
    assert "Round 1 was not promoted: mini_gsm: winner_entropy 4 -&gt; 0. Its figures" in head
    assert "labels of the probe questions (guard=probe)" in head


def test_later_round_without_gain_is_reported_at_top() -> None:
    given = inputs(2)
    given["monitor_2"] = MONITOR | {"doubts": ["the monitor sees no gain (support 0.5 -> 0.5)"]}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()})
    page = SequentialRunner().run(create_pipeline(2), catalog)["report"].load()
    head = page[: page.index("What got worse")]
    assert "Round 2 was promoted, though the monitor sees no gain (support 0.5 -&gt; 0.5)." in head
    assert "Round 1" not in head
    assert "round 1 50.0 % to 62.5 %, a change of +10.0 to +15.0 points; round 2" in page


def test_model_card_of_a_round_satisfies_the_hub(made: dict[str, Any]) -> None:
    """The card of round 1 of 2 has the figures of round 1, and front matter that huggingface_hub accepts."""
    from huggingface_hub import ModelCard

    models = Model(Path("base"), "b" * 64), Model(Path("tuned"), "c" * 64)
    card = ModelCard(describe_model(made["metrics"], recorded(), *models, 1))
    data: Any = card.data  # its fields are those of the front matter
    measured = made["metrics"]["rounds"][0]
    results = {(r.dataset_type, r.metric_name): r.metric_value for r in data.eval_results}
    greedy = measured["tasks"]["mini_gsm"]["cot_greedy"]
    assert results["mini_gsm", "CoT greedy"] == pytest.approx(100 * greedy["after"]["accuracy"])
    told = data["lmsi_kedro"]
    pooled = measured["pooled"]["cot_greedy"]
    assert told["in_domain"]["cot_greedy"]["before"] == [
        pytest.approx(pooled["before"][bound], abs=1e-4) for bound in ("accuracy", "low", "high")
    ]
    assert told["digest"] == f"sha256:{'c' * 64}"
    assert told["base"] == {"name": "mini_world (embedded)", "digest": f"sha256:{'b' * 64}"}
    assert told["controls"]["random"]["beaten"] is True
    assert told["parameters"]["paths"]["m"] == 8
    assert data.base_model is None
    after = f"{100 * pooled['after']['accuracy']:.1f} %"
    assert f"→ {after}" in card.text
    assert "Nothing got worse beyond chance." in card.text


def test_card_names_hub_models_but_no_paths(made: dict[str, Any]) -> None:
    cached = Path("hub/models--Qwen--Qwen2.5-0.5B/snapshots/1")
    tuned = Model(Path("tuned"), "c" * 64)

    def front(base: Path, model: str, **more: str) -> dict[str, Any]:
        record = {"parameters": {"model": model, **more}}
        text = describe_model(made["metrics"], record, Model(base, "b"), tuned, 2)
        return dict(yaml.safe_load(text.split("---")[1]))

    assert front(cached, "hub:Qwen/Qwen2.5-0.5B")["base_model"] == "Qwen/Qwen2.5-0.5B"
    local = front(Path("/home/me/secret/mine"), "/home/me/secret/mine")
    assert "base_model" not in local
    assert local["lmsi_kedro"]["base"]["name"] == "mine"
    assert "secret" not in str(local)
    warm = front(Path("06_models/warm_model"), "hub:Qwen/Qwen2.5-0.5B", warm_start="a.jsonl")
    assert warm["base_model"] == "Qwen/Qwen2.5-0.5B"
    assert warm["lmsi_kedro"]["base"]["name"] == "Qwen/Qwen2.5-0.5B, warm-started"


def test_rounds_must_share_the_base() -> None:
    given = inputs(1)
    given["metrics_1"]["before"] = {"round": 1, "arm": "vote", "seed": 1}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()})
    with pytest.raises(ValueError, match="same base model"):
        SequentialRunner().run(create_pipeline(1).to_outputs("metrics"), catalog)


def test_page_needs_no_network(made: dict[str, Any]) -> None:
    page = made["report"]
    assert page.count("<script") == 2
    for loading in ("<script src", "<link", "@import", 'src="', "url(", "http://", "https://"):
        assert loading not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_page_states_the_record_of_the_run(made: dict[str, Any]) -> None:
    page = made["report"]
    for stated in ("b" * 64, "kedro run --env=smoke", "abc123+", "temperature: 0.7", "3 min 20 s"):
        assert stated in page
