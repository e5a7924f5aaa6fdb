"""answers, paths -> selected paths -> examples of this round -> examples of all rounds."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.mixing.nodes import (
    accumulate,
    render_examples,
    select_random,
    select_voted,
)

RENDER = ["questions", "exemplars", "params:tasks", "params:mixing"]


def create_pipeline() -> Pipeline:
    """The arm `vote`: the paths that agree with the winner."""
    return Pipeline(
        [
            Node(
                select_voted,
                inputs=["answers", "paths", "params:mixing"],
                outputs="selected",
                name="select_voted",
            ),
            Node(
                render_examples,
                inputs=["selected", *RENDER, "params:round"],
                outputs="new_examples",
                name="render_examples",
            ),
            Node(
                accumulate,
                inputs=["previous_examples", "new_examples"],
                outputs="examples",
                name="accumulate_examples",
            ),
        ]
    )


def create_control() -> Pipeline:
    """The arm `random`: the same questions and counts, the paths drawn without looking at votes."""
    return Pipeline(
        [
            Node(
                select_random,
                inputs=["answers", "paths", "selected", "params:mixing"],
                outputs="selected_random",
                name="select_random",
            ),
            Node(
                render_examples,
                inputs=["selected_random", *RENDER, "params:round"],
                outputs="examples_random",
                name="render_random_examples",
            ),
        ]
    )
