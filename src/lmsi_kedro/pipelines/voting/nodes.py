"""One answer per path, one winner per question, and the paths that agree with it."""

import numpy as np
import polars as pl

from lmsi_kedro import kernels, schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.tasks import Tasks


def read_answers(
    paths: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks, voting: VotingParams
) -> pl.DataFrame:
    """The paths with key, surface, start, end and rule of the answer that each of them gives."""
    asked = paths.join(
        questions.select("question_id", "task", "choices"), on="question_id", how="left"
    )
    if asked["task"].null_count():
        raise ValueError("paths: some belong to no question; sample again after changing questions")
    read = [
        pl.concat(
            [
                rows,
                kernels.read_answers(
                    rows["text"],
                    tasks[name].kind,
                    choices=rows["choices"].to_list() if tasks[name].kind == "choice" else None,
                    rule=voting.rule,
                    finish=rows["finish"],
                ),
            ],
            how="horizontal",
        )
        for (name,), rows in asked.partition_by("task", as_dict=True, maintain_order=True).items()
    ]
    # Chunks arrive in any order; from here on a question's paths stand together.
    return pl.concat(read).cast({"start": pl.Int32, "end": pl.Int32}).sort("question_id", "path")


def count_votes(readings: pl.DataFrame, voting: VotingParams) -> pl.DataFrame:
    """votes: the most frequent key of each question; a tie, or too little confidence, keeps nothing."""
    sizes = readings.group_by("question_id", maintain_order=True).len()
    offsets = np.concatenate([[0], sizes["len"].cum_sum().to_numpy()])
    weights = readings["logprob"].to_numpy() if voting.ties == "logprob" else None
    counted = kernels.count_votes(readings["key"], offsets, weights=weights, ties=voting.ties)
    reason = (
        pl.when(pl.col("readable") == 0)
        .then(pl.lit("unreadable"))
        .when(pl.col("key").is_null())
        .then(pl.lit("tied"))
        .when(pl.col("confidence") < voting.min_confidence)
        .then(pl.lit("low confidence"))
        .otherwise(pl.lit("winner"))
    )
    votes = pl.concat([sizes.select("question_id"), counted], how="horizontal")
    return (
        votes.with_columns(reason=reason)
        .with_columns(kept=pl.col("reason") == "winner")
        .cast({name: schemas.VOTES[name] for name in ("votes", "readable", "paths")})
        .select(*schemas.VOTES)
    )


def keep_agreeing(readings: pl.DataFrame, votes: pl.DataFrame) -> pl.DataFrame:
    """answers: a path is kept iff its key is the kept winner of its question."""
    winners = votes.select("question_id", winner="key", decided="kept", why="reason")
    reason = (
        pl.when(pl.col("key").is_null())
        .then(pl.lit("unreadable"))
        .when(~pl.col("decided"))
        .then(pl.col("why"))
        .when(pl.col("key") == pl.col("winner"))
        .then(pl.lit("agrees"))
        .otherwise(pl.lit("disagrees"))
    )
    return (
        readings.join(winners, on="question_id", how="left", maintain_order="left")
        .with_columns(reason=reason)
        .with_columns(kept=pl.col("reason") == "agrees")
        .select(*schemas.ANSWERS)
    )
