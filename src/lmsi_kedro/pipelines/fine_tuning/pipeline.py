"""The mixture of examples and the base model in, tuned model out."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.fine_tuning.nodes import choose_training, fine_tune


def create_pipeline() -> Pipeline:
    """How to train, and the training, which runs in processes of its own."""
    choice = Node(
        choose_training,
        inputs=["mixture", "base_model", "params:training"],
        outputs="training",
        name="choose_training",
    )
    return Pipeline([choice, create_training()])


def create_training() -> Node:
    """Of any mixture, with the `training` that was chosen for this one or another."""
    return Node(
        fine_tune,
        inputs={
            "examples": "mixture",
            "base_model": "base_model",
            "training": "training",
            "engine": "params:engine",
            "workspace": "params:training_workspace",
            "first_day": "first_day",
        },
        outputs="tuned_model",
        name="fine_tune",
    )
