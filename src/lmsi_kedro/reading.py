"""Parses the answer of each path, chunk by chunk; the rules are in tasks/answers."""

from collections.abc import Iterable, Iterator

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.tasks import Tasks, answers
from lmsi_kedro.tasks.thoughts import speech


def read_answers(
    paths: Iterable[pl.DataFrame], questions: pl.DataFrame, tasks: Tasks, voting: VotingParams
) -> pl.DataFrame:
    """Parses the answer of each path. Chunks are streamed, so not all texts are in memory at once."""
    normalised = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()
    chunks = read_texts(paths, questions, tasks, voting)
    read = (chunk.with_columns(content=normalised.hash()) for chunk in chunks)
    return in_order(read, schemas.READINGS)


def read_texts(
    paths: Iterable[pl.DataFrame], questions: pl.DataFrame, tasks: Tasks, voting: VotingParams
) -> Iterable[pl.DataFrame]:
    """Yields the paths with task, key, surface, start, end and rule, a few chunks at a time."""
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


def in_order(chunks: Iterable[pl.DataFrame], columns: schemas.Columns) -> pl.DataFrame:
    """Returns the chunks as one table, sorted so that a question's paths are consecutive."""
    tables = [chunk.select(*columns) for chunk in chunks]
    return pl.concat([schemas.empty(columns), *tables]).sort(
        "question_id", "path", maintain_order=True
    )


def batches(chunks: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Yields the chunks, joined to groups of at least this many rows.

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
