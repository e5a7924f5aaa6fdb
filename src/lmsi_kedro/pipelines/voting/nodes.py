"""Finds the winning answer of each question and marks the paths to keep; `reading.py` has parsed the answers."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.votes import count_within, thin_out


def count_votes(
    readings: pl.DataFrame, voting: VotingParams, round_number: int = 1
) -> pl.DataFrame:
    """Finds the most frequent answer of each question; a vote with confidence and margin within limits is kept.

    Confidence is the winner's share of all paths, including unparsable ones; margin is that share minus the share
    of the second most frequent answer. By default, all votes are kept that have a winner; a
    tie has none.
    """
    low, high = voting.threshold(round_number), voting.max_confidence
    return count_within(readings, voting, low, high, voting.min_margin)


def keep_agreeing(
    readings: pl.DataFrame, votes: pl.DataFrame, voting: VotingParams
) -> pl.DataFrame:
    """Marks every path with the reason why it is kept or not; only paths with the reason `agrees` are kept.

    A path is `unreadable` if its answer is unparsable. The reason of a vote that is not kept, such as `tied` or
    `low confidence`, is that of all its parsed paths.
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
    # Of agreeing paths with the same text, all but one become `duplicate`; those beyond a limit, `capped`.
    return (
        thin_out(judged.with_columns(reason=reason), voting)
        .with_columns(kept=pl.col("reason") == "agrees")
        .select(*schemas.ANSWERS)
    )
