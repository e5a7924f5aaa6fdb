"""parameters -> base_model, student_model. 45 minutes on two cores; `make run` needs none of it."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.base_model.nodes import pretrain_model


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                pretrain_model,
                inputs=["params:pretraining", "params:pretraining_workspace"],
                outputs="base_model",
                name="pretrain_base_model",
            ),
            Node(
                pretrain_model,
                inputs=["params:pretraining_small", "params:pretraining_workspace"],
                outputs="student_model",
                name="pretrain_student_model",
            ),
        ]
    )
