"""mixture, base_model -> training -> tuned_model."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.fine_tuning.nodes import choose_training, fine_tune


def create_pipeline(examples: str = "mixture") -> Pipeline:
    """Chooses the training settings, and trains on the mixture or the preferences."""
    choice = Node(
        choose_training,
        inputs=["mixture", "base_model", "params:training"],
        outputs="training",
        name="choose_training",
    )
    return Pipeline([choice, create_training(examples)])


def create_training(examples: str = "mixture") -> Node:
    """Trains on a mixture, with settings that may have been chosen for a different mixture."""
    return Node(
        fine_tune,
        inputs={
            "examples": examples,
            "base_model": "base_model",
            "training": "training",
            "engine": "params:engine",
            "workspace": "params:training_workspace",
            "first_day": "first_day",
        },
        outputs="tuned_model",
        name="fine_tune",
    )
