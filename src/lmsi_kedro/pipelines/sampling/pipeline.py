"""questions, exemplars, model -> paths."""

from functools import partial, update_wrapper

from kedro.pipeline import Pipeline

from lmsi_kedro.pipelines.sampling.nodes import plan_paths
from lmsi_kedro.wiring import sampled


def create_pipeline(round: int = 1) -> Pipeline:
    """The paths of a round, which is counted from 1: its temperature may be another than the last one's."""
    return Pipeline(
        [
            *sampled(
                update_wrapper(partial(plan_paths, round=round), plan_paths),
                [
                    "questions",
                    "exemplars",
                    "model",
                    "tasks",
                    "params:paths",
                    "params:engine",
                    "params:voting",
                ],
                "paths",
            )
        ]
    )
