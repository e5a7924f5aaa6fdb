"""seed -> world_questions, world_exemplars."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.mini_world.nodes import make_exemplars, make_questions


def create_pipeline() -> Pipeline:
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
