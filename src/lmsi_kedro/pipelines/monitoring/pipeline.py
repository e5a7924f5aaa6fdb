"""model -> monitor_paths -> monitor_readings -> health; candidate, healths -> model, monitor."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Guard
from lmsi_kedro.pipelines.monitoring.nodes import examine, examine_probe, plan_examination, promote
from lmsi_kedro.pipelines.voting.nodes import read_answers


def create_examination(guard: Guard) -> Pipeline:
    """The health of one model; with the guard `probe` its labeled accuracy too."""
    examination = {
        "none": Node(examine, inputs="monitor_readings", outputs="health", name="examine"),
        "probe": Node(
            examine_probe,
            inputs=["monitor_readings", "labels", "questions", "tasks"],
            outputs="health",
            name="examine",
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
                read_answers,
                inputs=["monitor_paths", "questions", "tasks", "params:voting"],
                outputs="monitor_readings",
                name="read_monitor_answers",
            ),
            examination[guard],
        ]
    )


def create_promotion() -> Pipeline:
    """The candidate becomes the model of its round, unless it has collapsed."""
    return Pipeline(
        [
            Node(
                promote,
                inputs=[
                    "candidate",
                    "previous_model",
                    "health_before",
                    "health_candidate",
                    "params:monitor",
                ],
                outputs=["promoted_model", "health", "monitor"],
                name="promote",
            )
        ]
    )
