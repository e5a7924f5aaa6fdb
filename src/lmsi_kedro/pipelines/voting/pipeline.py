"""paths -> readings -> votes, answers -> vote_statistics."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import describe_votes
from lmsi_kedro.pipelines.voting.nodes import count_votes, keep_agreeing_paths
from lmsi_kedro.wiring import fixed, parsed


def create_pipeline(round_number: int) -> Pipeline:
    """Counts the votes of a round. The first round has number 1; each round may have a different threshold."""
    count = fixed(count_votes, round_number=round_number)
    return Pipeline(
        [
            parsed(),
            Node(
                count,
                inputs=["readings", "params:voting"],
                outputs="votes",
                name="count_votes",
            ),
            Node(
                keep_agreeing_paths,
                inputs=["readings", "votes", "params:voting"],
                outputs="answers",
                name="keep_agreeing_paths",
            ),
            Node(
                describe_votes,
                inputs=["votes", "answers", "readings", "params:paths"],
                outputs="vote_statistics",
                name="describe_votes",
            ),
        ]
    )
