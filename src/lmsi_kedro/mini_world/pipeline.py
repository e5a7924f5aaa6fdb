"""seed -> world_questions, world_exemplars; parameters -> pretrained_model, pretrained_student."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.mini_world.pretraining import pretrain
from lmsi_kedro.mini_world.questions import make_exemplars, make_questions


def create_world() -> Pipeline:
    return Pipeline(
        [
            Node(
                make_questions,
                inputs=["params:world", "params:tasks"],
                outputs="world_questions",
                name="make_questions",
            ),
            Node(
                make_exemplars,
                inputs=["params:world", "params:tasks"],
                outputs="world_exemplars",
                name="make_exemplars",
            ),
        ]
    )


def create_models() -> Pipeline:
    """Returns the embedded models; training takes 45 minutes on two cores, and `make run` does not need it."""
    return Pipeline(
        [
            Node(
                pretrain,
                inputs=["params:pretraining", "params:pretraining_workspace"],
                outputs="pretrained_model",
                name="pretrain_base_model",
            ),
            Node(
                pretrain,
                inputs=["params:pretraining_small", "params:pretraining_workspace"],
                outputs="pretrained_student",
                name="pretrain_student_model",
            ),
        ]
    )
