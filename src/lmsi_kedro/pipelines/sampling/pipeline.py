"""questions, exemplars, model -> paths."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.sampling.nodes import plan_paths
from lmsi_kedro.pipelines.sampling.sharing import measure_sharing
from lmsi_kedro.wiring import fixed, sampled


def create_pipeline(round_number: int = 1) -> Pipeline:
    """Samples the paths of a round. The first round has number 1; each round may have a different temperature."""
    return Pipeline(
        [
            *sampled(
                fixed(plan_paths, round_number=round_number),
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
            ),
            Node(measure_sharing, "paths_sampling_plan", "sharing", name="measure_sharing"),
        ]
    )
