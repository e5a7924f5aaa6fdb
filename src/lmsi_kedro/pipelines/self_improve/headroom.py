"""Measures the headroom of the base model in the loop, and can stop a run without headroom."""

from kedro.pipeline import Pipeline

from lmsi_kedro.params import HeadroomParams
from lmsi_kedro.pipelines import headroom
from lmsi_kedro.wiring import namespaced


def with_headroom(loop: Pipeline, measured: HeadroomParams) -> Pipeline:
    """Adds a measurement of headroom after the votes of round 1 and, with `stop`, a gate before training."""
    loop += create_headroom(measured.probe)
    return gated(loop) if measured.stop else loop


def create_headroom(probe: bool) -> Pipeline:
    """Measures how much more accurate the base model's votes in round 1 are than its greedy paths."""
    outside = {"questions", "tasks", "exemplars", "labels", "headroom"}
    voted = {"sampled_paths": "paths", "sampled_readings": "readings"}
    steps = namespaced(headroom.create_pipeline(probe), "headroom", {*outside, "model"}, voted)
    return namespaced(steps, "round_1", outside, {"model": "base_model"})


def gated(loop: Pipeline) -> Pipeline:
    """Inserts a gate after the votes of round 1; all training depends on it."""
    counting = loop.only_nodes("round_1.count_votes")
    counted = Pipeline(counting, outputs={"round_1.votes": "round_1.counted_votes"})
    return (
        (loop - counting)
        + counted
        + namespaced(headroom.create_gate(), "round_1", {"headroom"}, {})
    )
