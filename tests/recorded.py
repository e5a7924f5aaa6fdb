"""The record of an invented run."""

from typing import Any


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
