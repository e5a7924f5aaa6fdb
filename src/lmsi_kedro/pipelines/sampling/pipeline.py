"""questions, exemplars, model -> paths."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.sampling.nodes import plan_paths


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                plan_paths,
                inputs=[
                    "questions",
                    "exemplars",
                    "model",
                    "tasks",
                    "params:paths",
                    "params:engine",
                    "params:voting",
                ],
                outputs="paths",
                name="sample_paths",
            )
        ]
    )
