"""The record of a run: its command, machine, models, parameters, trainings and cost.

It is stored with the run, because the configuration may have changed when the report is made again.
"""

from collections import Counter
from importlib.metadata import version
from typing import Any

import polars as pl
from pydantic_core import to_jsonable_python

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.report.card import base_name

VERSIONS = ("lmsi-kedro", "torch", "transformers", "deepspeed", "polars")
LEARNED = ("losses", "seconds", "examples", "tokens", "target_tokens", "precision", "stopped")
REST = "everything else"
Record = dict[str, Any]


def describe_run(
    this_run: Record,
    parameters: Record,
    base: Model,
    tuned: Model,
    trainings: list[Record],
    evaluation_tokens: int,
    monitor_tokens: int,
    *sharing: Record,
) -> Record:
    """Records what the results depend on and what they cost, for the report."""
    return {
        **this_run,
        "seconds": seconds_by_step(this_run["seconds"]),
        "versions": {name: version(name) for name in VERSIONS},
        "models": {
            "before": identified(base, base_name(parameters)),
            "after": identified(tuned, tuned.path.name),
        },
        "parameters": to_jsonable_python(parameters),  # typed parameters are pydantic models
        "trainings": trainings,
        "tokens": {"evaluation": evaluation_tokens, "monitor": monitor_tokens},
        "sharing": dict(sum(map(Counter, sharing), Counter())),
    }


def identified(model: Model, name: str) -> Record:
    return {"name": name, "digest": model.digest, "parameters": model.parameters}


def describe_trainings(*candidates: Model) -> list[Record]:
    """Describes how the candidate of each round was trained, whether it was promoted or not."""
    records = [model.record() for model in candidates]
    return [
        {"round": number} | {name: made[name] for name in LEARNED if name in made}
        for number, made in enumerate(records, 1)
    ]


def count_tokens(*readings: pl.DataFrame) -> int:
    return sum(int(table["tokens"].sum()) for table in readings)


def seconds_by_step(nodes: dict[str, float]) -> dict[str, float]:
    """Sums the seconds of a run's nodes by step, in order; everything else is last."""
    steps: dict[str, float] = {}
    for name, seconds in nodes.items():
        steps[step_of(name)] = steps.get(step_of(name), 0) + seconds
    ordered = sorted(steps.items(), key=lambda step: step[0] == REST)
    return {name: round(spent, 2) for name, spent in ordered}


def step_of(node: str) -> str:
    """Returns the step of the loop to which a node belongs, which its name and namespaces determine."""
    *spaces, name = node.split(".")
    if name == "fine_tune":
        arm = len(spaces) > 1
        return "fine-tuning of control arms" if arm else "fine-tuning"
    if not name.startswith("sample_"):
        return REST
    kinds = {"evaluation": "evaluation", "untrained": "evaluation", "monitor": "collapse monitor"}
    space = spaces[0].partition("_")[0] if spaces else ""
    return f"sampling, {kinds[space]}" if space in kinds else "sampling, to learn from"
