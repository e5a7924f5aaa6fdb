"""Parses the answer of each path (tasks/answers has the rules), counts votes and limits the kept paths."""

import hashlib
from collections.abc import Iterable, Iterator

import polars as pl

from lmsi_kedro import kernels, schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.tasks import Tasks, answers
from lmsi_kedro.tasks.thoughts import speech


def read_answers(
    paths: Iterable[pl.DataFrame], questions: pl.DataFrame, tasks: Tasks, voting: VotingParams
) -> pl.DataFrame:
    """readings: the parsed answer of each path. Chunks are streamed, so not all texts are in memory at once."""
    normalised = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()
    chunks = read_texts(paths, questions, tasks, voting)
    read = (chunk.with_columns(content=normalised.hash()) for chunk in chunks)
    return in_order(read, schemas.READINGS)


def read_texts(
    paths: Iterable[pl.DataFrame], questions: pl.DataFrame, tasks: Tasks, voting: VotingParams
) -> Iterable[pl.DataFrame]:
    """The paths with task, key, surface, start, end and rule, a few chunks at a time."""
    content = questions.select("question_id", "task", "choices")
    for chunk in batches(paths, content.height):
        asked = chunk.join(content, on="question_id", how="left", maintain_order="left")
        if asked["task"].null_count():
            raise ValueError(
                "paths: some belong to no question; sample again after changing questions"
            )
        for (name,), rows in asked.partition_by("task", as_dict=True).items():
            yield read_rows(rows, tasks, str(name), voting.rule)


def read_rows(rows: pl.DataFrame, tasks: Tasks, task: str, rule: str) -> pl.DataFrame:
    """Parses the answer of each path, after its thoughts; start and end are positions in the whole text."""
    kind = tasks[task].kind
    begins = pl.Series([speech(text)[0] for text in rows["text"]], dtype=pl.Int32)
    read = answers.read_answers(
        rows.select(pl.col("text").str.slice(begins))["text"],
        kind,
        choices=rows["choices"].to_list() if kind == "choice" else None,
        rule=rule,
        finish=rows["finish"],
        decimal=tasks[task].decimal,
    ).with_columns(pl.col("start", "end").cast(pl.Int32) + begins)
    return pl.concat([rows.drop("choices"), read], how="horizontal")


def votes_within(
    readings: pl.DataFrame, voting: VotingParams, low: float, high: float, margin: float = 0.0
) -> pl.DataFrame:
    """votes: the most frequent answer of each question, kept if confidence and margin are within bounds."""
    sizes = readings.group_by("question_id", maintain_order=True).len()
    offsets = [0, *sizes["len"].cum_sum()]
    if voting.ties == "logprob" and readings["logprob"].null_count():
        raise ValueError(
            "voting.ties=logprob needs log-probabilities, which the server that drew these paths does not give: "
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
    """Marks agreeing paths of a question: `duplicate` if the text occurred before, `capped` beyond the cap.

    Which paths are capped depends on a hash of (seed, question, path), not on the order of rows.
    """
    agrees = pl.col("reason") == "agrees"
    # Among the paths with the same text, all but the first.
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
    """A pseudo-random number; the paths with the lowest ones stay below the cap."""
    content = f"{seed} {question_id} {path}".encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


def in_order(chunks: Iterable[pl.DataFrame], columns: schemas.Columns) -> pl.DataFrame:
    """The chunks as one table, sorted so that a question's paths are consecutive."""
    tables = [chunk.select(*columns) for chunk in chunks]
    return pl.concat([schemas.empty(columns), *tables]).sort(
        "question_id", "path", maintain_order=True
    )


def batches(chunks: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The chunks in groups of at least this many rows.

    A join takes time proportional to its larger side, so groups as large as the joined table make the total time
    linear. For a million paths, joining their texts took 89 s chunk by chunk, and 4 s in groups.
    """
    group: list[pl.DataFrame] = []
    height = 0
    for chunk in chunks:
        group.append(chunk)
        height += chunk.height
        if height >= rows:
            yield pl.concat(group)
            group, height = [], 0
    if group:
        yield pl.concat(group)
