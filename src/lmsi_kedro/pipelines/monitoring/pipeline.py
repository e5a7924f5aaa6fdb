"""model -> monitor_paths -> readings -> health, support; candidate, healths, supports -> model, monitor."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Guard
from lmsi_kedro.pipelines.monitoring.nodes import (
    examine_paths,
    examine_probe,
    plan_monitor_paths,
    promote_candidate,
    read_monitor_answers,
)
from lmsi_kedro.pipelines.monitoring.support import mark_greedy, measure_support
from lmsi_kedro.wiring import fixed, sampled


def create_examination(guard: Guard) -> Pipeline:
    """Samples a model's answers to the monitor's questions, and measures its health and support."""
    return Pipeline(
        [
            *sampled(
                plan_monitor_paths,
                [
                    "questions",
                    "exemplars",
                    "model",
                    "tasks",
                    "params:paths",
                    "params:monitor",
                    "params:engine",
                ],
                "monitor_paths",
            ),
            Node(
                read_monitor_answers,
                inputs=["monitor_paths", "questions", "tasks", "params:voting", "params:monitor"],
                outputs=["monitor_readings", "greedy_readings"],
                name="read_monitor_answers",
            ),
            *judgements(guard),
        ]
    )


def judgements(guard: Guard) -> list[Node]:
    """Measures health and support; with the guard `probe`, both use the labels of probe questions."""
    functions: dict[Guard, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "none": (examine_paths, measure_support),
        "probe": (examine_probe, mark_greedy),
    }
    health, support = functions[guard]
    labeled = ["labels", "questions", "tasks"] if guard == "probe" else []
    reference = labeled or ["base_readings"]
    return [
        Node(health, ["monitor_readings", *labeled], "health", name="examine_paths"),
        Node(support, ["greedy_readings", *reference], "support", name="measure_support"),
    ]


def create_promotion(round_number: int) -> Pipeline:
    """Promotes the candidate, unless it has collapsed, shows a clear loss or, in a later round, no clear gain."""
    return Pipeline(
        [
            Node(
                fixed(promote_candidate, round_number=round_number),
                inputs=[
                    "candidate",
                    "previous_model",
                    "health_before",
                    "health_candidate",
                    "support_before",
                    "support_candidate",
                    "params:monitor",
                ],
                outputs=["promoted_model", "health", "support", "monitor"],
                name="promote_candidate",
            )
        ]
    )
