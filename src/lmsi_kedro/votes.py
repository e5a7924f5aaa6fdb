"""Counts the votes of each question, and limits the number of paths that agree with the winner."""

import hashlib

import polars as pl

from lmsi_kedro import kernels, schemas
from lmsi_kedro.params import VotingParams


def count_within(
    readings: pl.DataFrame, voting: VotingParams, low: float, high: float, margin: float = 0.0
) -> pl.DataFrame:
    """Finds the most frequent answer of each question; it is kept if confidence and margin are within bounds."""
    sizes = readings.group_by("question_id", maintain_order=True).len()
    offsets = [0, *sizes["len"].cum_sum()]
    if voting.ties == "logprob" and readings["logprob"].null_count():
        raise ValueError(
            "voting.ties=logprob needs log-probabilities, which the server did not return for these paths: "
            "set voting.ties=abstain"
        )
    weights = readings["logprob"].to_numpy() if voting.ties == "logprob" else None
    counted = kernels.count_votes(readings["key"], offsets, weights=weights, ties=voting.ties)
    reason = (
        pl.when(pl.col("readable") == 0)
        .then(pl.lit("unreadable"))
        .when(pl.col("key").is_null())
        .then(pl.lit("tied"))
        .when(pl.col("confidence") < low)
        .then(pl.lit("low confidence"))
        .when(pl.col("confidence") > high)
        .then(pl.lit("high confidence"))
        .when(pl.col("margin") < margin)
        .then(pl.lit("low margin"))
        .otherwise(pl.lit("winner"))
    )
    votes = pl.concat([sizes.select("question_id"), counted], how="horizontal")
    return (
        votes.with_columns(reason=reason)
        .with_columns(kept=pl.col("reason") == "winner")
        .cast({name: schemas.VOTES[name] for name in ("votes", "readable", "paths")})
        .select(*schemas.VOTES)
    )


def thin_out(judged: pl.DataFrame, voting: VotingParams) -> pl.DataFrame:
    """Marks agreeing paths as `duplicate` (of an earlier text, apart from case and spacing) or `capped`.

    Which paths are capped, if there are more than voting.max_paths_per_question, depends on a hash of (seed,
    question, path), not on the order of rows.
    """
    agrees = pl.col("reason") == "agrees"
    # All but the first of the paths with the same text.
    copy = agrees & (pl.int_range(pl.len()).over("question_id", "content", "reason") > 0)
    distinct = judged.sort("question_id", "path").with_columns(
        reason=pl.when(copy).then(pl.lit("duplicate")).otherwise("reason")
    )
    rows = distinct.select("question_id", "path", "reason").iter_rows()
    lots = [lot(voting.seed, q, p) if reason == "agrees" else 0 for q, p, reason in rows]
    rank = pl.col("lot").rank("ordinal").over("question_id", "reason")
    cap = voting.max_paths_per_question or pl.len()
    return distinct.with_columns(lot=pl.Series(lots, dtype=pl.UInt64)).with_columns(
        reason=pl.when(agrees & (rank > cap)).then(pl.lit("capped")).otherwise("reason")
    )


def lot(seed: int, question_id: str, path: int) -> int:
    """Returns a pseudo-random number; the paths with the lowest numbers are kept."""
    content = f"{seed} {question_id} {path}".encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
