"""The mixture of examples and the base model in, tuned model out."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.fine_tuning.nodes import fine_tune


def create_pipeline() -> Pipeline:
    """One node: the training itself runs in processes of its own."""
    return Pipeline(
        [
            Node(
                fine_tune,
                inputs={
                    "examples": "mixture",
                    "base_model": "base_model",
                    "training": "params:training",
                    "engine": "params:engine",
                    "workspace": "params:training_workspace",
                },
                outputs="tuned_model",
                name="fine_tune",
            )
        ]
    )
