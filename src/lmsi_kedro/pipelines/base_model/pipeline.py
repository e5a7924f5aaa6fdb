"""parameters -> base_model. Half an hour on two cores; the result is committed, `make run` needs none of it."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.base_model.nodes import pretrain_base_model


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                pretrain_base_model,
                inputs=["params:pretraining", "params:pretraining_workspace"],
                outputs="base_model",
                name="pretrain_base_model",
            )
        ]
    )
