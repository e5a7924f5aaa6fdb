"""The record and the metrics.json of a synthetic run."""

from typing import Any

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.pipelines.reporting.nodes import gather_controls, summarise
from tests.fabricate import TASKS, predictions


def recorded(rounds: int = 1) -> dict[str, Any]:
    losses = {
        "losses": [0.5, 0.25],
        "seconds": 12.0,
        "examples": 100,
        "tokens": 5000,
        "target_tokens": 900,
    }
    return {
        "command": "kedro run --env=smoke",
        "started": "2026-11-28T11:28:36+00:00",
        "seconds": {"sampling, to learn from": 200.0, "fine-tuning": 3700.0},
        "commit": "abc123+",
        "hardware": {"cpu": "a processor", "cores": 2, "memory_gib": 24, "gpus": ["a card"]},
        "versions": {"torch": "2.13.0"},
        "models": {
            "before": {"name": "base", "digest": "b" * 64, "parameters": 1_016_960},
            "after": {"name": "model_1", "digest": "c" * 64, "parameters": 1_016_960},
        },
        "parameters": {"guard": "none", "paths": {"m": 8, "sampling": {"temperature": 0.7}}},
        "trainings": [
            {"round": k, "precision": "bfloat16", **losses} for k in range(1, rounds + 1)
        ],
        "tokens": {"evaluation": 1000, "monitor": 500},
        "sharing": {"prompt_tokens": 4000, "computed": 1000},
    }


def metrics_of_few() -> dict[str, Any]:
    return measured(compare(predictions(5, 0.4), predictions(5, 0.7, 1, "vote"), TASKS))


def measured(compared: dict[str, Any]) -> dict[str, Any]:
    """metrics.json of a run with this comparison; its control arm has the same figures."""
    counts = dict.fromkeys(("questions", "decided", "tied", "kept"), 5)
    shares = ("unreadable", "confidence", "winner_entropy", "distinct_paths", "tokens_per_path")
    votes = {**counts, **dict.fromkeys(shares, 0.5)}
    sampling = {"paths": 40, "tokens": 900}
    funnel = {"questions": {"all": 5, "kept": 5}, "paths": {"all": 40, "kept": 20}}
    curves = {"questions": 5, "k": [1, 8], "maj": [0.4, 0.6], "pass": [0.4, 0.8]}
    support = {"before": 0.5, "candidate": 0.625, "low": 0.1, "high": 0.15}
    monitor = {
        "promoted": True,
        "alarms": [],
        "doubts": [],
        "support": support,
        "before": {},
        "candidate": {},
    }
    measured = {
        "step": compared["pooled"],
        "curves": {"before": curves, "after": curves},
        "monitor": monitor,
        "leaks": {"questions": 5, "exact": 1, "overlapping": 2, "words": 13},
    }
    controls = gather_controls(compared, compared, arms=["random"])
    return summarise(
        controls,
        {},
        recorded(),
        {
            "round": 1,
            **compared,
            **measured,
            "votes": votes,
            "funnel": funnel,
            "sampling": sampling,
        },
    )
