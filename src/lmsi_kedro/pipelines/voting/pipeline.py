"""paths -> readings -> votes, answers."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.voting.nodes import count_votes, keep_agreeing, read_answers


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                read_answers,
                inputs=["paths", "questions", "tasks", "params:voting"],
                outputs="readings",
                name="read_answers",
            ),
            Node(
                count_votes,
                inputs=["readings", "params:voting"],
                outputs="votes",
                name="count_votes",
            ),
            Node(
                keep_agreeing,
                inputs=["readings", "votes"],
                outputs="answers",
                name="keep_agreeing",
            ),
        ]
    )
