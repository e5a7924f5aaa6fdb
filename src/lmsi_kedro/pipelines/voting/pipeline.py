"""paths -> readings -> votes, answers."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.voting.nodes import count_votes, keep_agreeing
from lmsi_kedro.wiring import fixed, parsed


def create_pipeline(round: int) -> Pipeline:
    """The votes of a round, which is counted from 1: its threshold may be another than the last one's."""
    count = fixed(count_votes, round=round)
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
                keep_agreeing,
                inputs=["readings", "votes", "params:voting"],
                outputs="answers",
                name="keep_agreeing_paths",
            ),
        ]
    )
