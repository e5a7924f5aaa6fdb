"""answers, paths -> selected -> taught -> examples of this round -> of all rounds -> mixture."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.mixing.nodes import (
    accumulate,
    balance,
    leave_out_leaks,
    render_examples,
    select_random,
    select_voted,
)


def create_pipeline(arm: str = "vote") -> Pipeline:
    """The arm `vote` teaches the paths that agree with the winner, the arm `random` as many others."""
    select = {
        "vote": Node(
            select_voted,
            inputs=["answers", "paths"],
            outputs="selected",
            name="select_voted",
        ),
        "random": Node(
            select_random,
            inputs=["readings", "paths", "voted", "params:mixing"],
            outputs="selected",
            name="select_random",
        ),
    }
    return Pipeline(
        [
            select[arm],
            Node(
                leave_out_leaks,
                inputs=["selected", "questions"],
                outputs=["taught", "leaks"],
                name="leave_out_leaks",
            ),
            Node(
                render_examples,
                inputs=[
                    "taught",
                    "previous_examples",
                    "questions",
                    "exemplars",
                    "tasks",
                    "params:mixing",
                ],
                outputs="new_examples",
                name="render_examples",
            ),
            Node(
                accumulate,
                inputs=["previous_examples", "new_examples"],
                outputs="examples",
                name="accumulate_examples",
            ),
            Node(
                balance,
                inputs=["examples", "base_model", "params:mixing", "params:engine"],
                outputs="mixture",
                name="balance_examples",
            ),
        ]
    )
