"""Finds the winning answer of each question and marks the paths to keep; `reading.py` has parsed the answers."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.votes import count_within, thin_out


def count_votes(
    readings: pl.DataFrame, voting: VotingParams, round_number: int = 1
) -> pl.DataFrame:
    """Finds the most frequent answer of each question; a vote with confidence and margin within limits is kept.

    Confidence is the winner's share of all paths of the question, including unparsable ones; margin is that share
    minus the share of the second most frequent answer. A tie has no winner and is not kept, unless voting.ties is
    "logprob". By default the limits exclude nothing, so every vote with a winner is kept.
    """
    low, high = voting.threshold(round_number), voting.max_confidence
    return count_within(readings, voting, low, high, voting.min_margin)


def keep_agreeing(
    readings: pl.DataFrame, votes: pl.DataFrame, voting: VotingParams
) -> pl.DataFrame:
    """Marks every path with the reason why it is kept or not; only paths with the reason `agrees` are kept.

    The reasons against a path are `unreadable` (its answer is unparsable), those of a vote that is not kept
    (`tied`, `low confidence`, `high confidence`, `low margin`), `disagrees` (with the winner), `duplicate`
    (an earlier agreeing path has the same text, apart from case and spacing) and `capped` (beyond
    voting.max_paths_per_question).
    """
    winners = votes.select("question_id", winner="key", vote_kept="kept", vote_reason="reason")
    reason = (
        pl.when(pl.col("key").is_null())
        .then(pl.lit("unreadable"))
        .when(~pl.col("vote_kept"))
        .then(pl.col("vote_reason"))
        .when(pl.col("key") == pl.col("winner"))
        .then(pl.lit("agrees"))
        .otherwise(pl.lit("disagrees"))
    )
    judged = readings.join(winners, on="question_id", how="left", maintain_order="left")
    # thin_out replaces `agrees` by `duplicate` or `capped` where it applies.
    return (
        thin_out(judged.with_columns(reason=reason), voting)
        .with_columns(kept=pl.col("reason") == "agrees")
        .select(*schemas.ANSWERS)
    )
