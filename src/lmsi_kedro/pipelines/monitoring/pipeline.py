"""model -> monitor_paths -> readings -> health, support; candidate, healths, supports -> model, monitor."""

from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Guard
from lmsi_kedro.pipelines.monitoring.nodes import (
    examine,
    examine_probe,
    plan_examination,
    promote,
    read_examination,
)
from lmsi_kedro.pipelines.monitoring.support import mark_greedy, measure_support


def create_examination(guard: Guard) -> Pipeline:
    """The health of one model, with the guard `probe` its labeled accuracy too; the support of its answers."""
    labeled = ["labels", "questions", "tasks"]
    examination = {
        "none": Node(examine, inputs="monitor_readings", outputs="health", name="examine"),
        "probe": Node(
            examine_probe,
            inputs=["monitor_readings", *labeled],
            outputs="health",
            name="examine",
        ),
    }
    measurement = {
        "none": Node(
            measure_support,
            inputs=["greedy_readings", "base_readings"],
            outputs="support",
            name="measure_support",
        ),
        "probe": Node(
            mark_greedy,
            inputs=["greedy_readings", *labeled],
            outputs="support",
            name="measure_support",
        ),
    }
    return Pipeline(
        [
            Node(
                plan_examination,
                inputs=[
                    "questions",
                    "exemplars",
                    "model",
                    "tasks",
                    "params:paths",
                    "params:monitor",
                    "params:engine",
                ],
                outputs="monitor_paths",
                name="sample_monitor_paths",
            ),
            Node(
                read_examination,
                inputs=["monitor_paths", "questions", "tasks", "params:voting", "params:monitor"],
                outputs=["monitor_readings", "greedy_readings"],
                name="read_monitor_answers",
            ),
            examination[guard],
            measurement[guard],
        ]
    )


def create_promotion(round: int) -> Pipeline:
    """The candidate becomes the model of its round, unless it has collapsed or a later one is no better."""
    return Pipeline(
        [
            Node(
                update_wrapper(partial(promote, round=round), promote),
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
                name="promote",
            )
        ]
    )
