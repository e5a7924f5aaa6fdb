"""parameters -> pretrained_model, pretrained_student. 45 minutes on two cores; `make run` needs none of it."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.base_model.nodes import pretrain_model


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                pretrain_model,
                inputs=["params:pretraining", "params:pretraining_workspace"],
                outputs="pretrained_model",
                name="pretrain_base_model",
            ),
            Node(
                pretrain_model,
                inputs=["params:pretraining_small", "params:pretraining_workspace"],
                outputs="pretrained_student",
                name="pretrain_student_model",
            ),
        ]
    )
