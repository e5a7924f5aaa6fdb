"""Holds a vote on each question, which is a row of the table `votes`, and marks the paths to keep."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.votes import count_within, thin_out


def count_votes(
    readings: pl.DataFrame, voting: VotingParams, round_number: int = 1
) -> pl.DataFrame:
    """Finds the winner (most frequent answer) of each question; keeps votes that are clear enough.

    Confidence is the winner's share of all paths, including unparsable ones; margin is that share minus that of
    the next answer. By default, neither has a limit, so every vote with a winner is kept; a tie has none,
    unless voting.ties=logprob.
    """
    low, high = voting.threshold(round_number), voting.max_confidence
    return count_within(readings, voting, low, high, voting.min_margin)


def keep_agreeing_paths(
    readings: pl.DataFrame, votes: pl.DataFrame, voting: VotingParams
) -> pl.DataFrame:
    """Marks every path as kept or not, with a reason; only paths with the reason `agrees` are kept.

    A path is `unreadable` if its answer is unparsable. If the vote on a question is not kept, its parsed paths
    have the reason of the vote, such as `tied` or `low confidence`.
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
    # Of agreeing paths with the same text, all but one become `duplicate`. Of the others, those beyond
    # voting.max_paths_per_question become `capped`.
    return (
        thin_out(judged.with_columns(reason=reason), voting)
        .with_columns(kept=pl.col("reason") == "agrees")
        .select(*schemas.ANSWERS)
    )
