"""questions, exemplars, model -> evaluation_paths -> answers -> predictions, curves (labels enter only here)."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.curves import measure_curves
from lmsi_kedro.pipelines.evaluation.nodes import (
    decide_answers,
    mark_predictions,
    plan_evaluation,
    read_evaluation_answers,
)
from lmsi_kedro.wiring import fixed, sampled


def create_pipeline(round_number: int, arm: str) -> Pipeline:
    """Evaluates the model of the given round and arm."""
    inputs = ["questions", "exemplars", "model", "tasks", "params:evaluation", "params:engine"]
    curves = Node(
        measure_curves,
        inputs=["evaluation_readings", "labels", "questions", "tasks"],
        outputs="curves",
        name="measure_curves",
    )
    return Pipeline(
        [
            *sampled(plan_evaluation, inputs, "evaluation_paths"),
            create_marking(round_number, arm),
            curves,
        ]
    )


def create_marking(round_number: int, arm: str) -> Pipeline:
    """evaluation_paths -> evaluation_readings -> evaluation_answers -> predictions."""
    decide = fixed(decide_answers, round_number=round_number, arm=arm)
    return Pipeline(
        [
            Node(
                read_evaluation_answers,
                inputs=["evaluation_paths", "questions", "tasks", "params:voting"],
                outputs="evaluation_readings",
                name="read_evaluation_answers",
            ),
            Node(
                decide,
                inputs=["evaluation_readings", "params:evaluation"],
                outputs="evaluation_answers",
                name="decide_answers",
            ),
            Node(
                mark_predictions,
                inputs=["evaluation_answers", "labels", "questions", "tasks"],
                outputs="predictions",
                name="mark_predictions",
            ),
        ]
    )
