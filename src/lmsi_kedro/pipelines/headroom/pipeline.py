"""model, paths and readings of round 1 -> greedy paths -> headroom -> a gate before training."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.headroom.nodes import measure, plan_headroom, refuse_without_gain
from lmsi_kedro.wiring import parsed, sampled


def create_pipeline(probe: bool) -> Pipeline:
    """Compares the base model's votes with its greedy paths; probe: also use the labels of the probe split."""
    inputs = ["questions", "exemplars", "model", "tasks"]
    voted = ["sampled_paths", "sampled_readings", "readings", "questions", "tasks"]
    params = ["params:paths", "params:headroom", "params:engine"]
    labels = ["labels"] if probe else []
    return Pipeline(
        [
            *sampled(plan_headroom, [*inputs, *params], "paths"),
            parsed(),
            Node(
                measure,
                inputs=[*voted, "params:voting", "params:paths", *labels],
                outputs="headroom",
                name="measure_headroom",
            ),
        ]
    )


def create_gate() -> Pipeline:
    """Passes the votes on to training only if the headroom shows a gain."""
    return Pipeline(
        [
            Node(
                refuse_without_gain,
                inputs=["counted_votes", "headroom"],
                outputs="votes",
                name="refuse_without_gain",
            )
        ]
    )
