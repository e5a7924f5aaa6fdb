"""Marks an answer as right if it is among the accepted answers in canonical form."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.tasks import Task, Tasks
from lmsi_kedro.tasks.answers import canonical_keys


def accepted_keys(labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """Returns the canonical forms of all parsable accepted answers, by question_id."""
    labeled = labels.join(
        questions.select("question_id", "task", "choices"),
        on="question_id",
        maintain_order="left",
    )
    written = labeled.explode("answers").partition_by("task", as_dict=True)
    read = (_read(rows, tasks[str(task)]) for (task,), rows in written.items())
    return (
        pl.concat([schemas.empty({"question_id": pl.String, "accepted": pl.String}), *read])
        .group_by("question_id", maintain_order=True)
        .agg(pl.col("accepted").drop_nulls())
    )


def _read(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    choices = rows["choices"].to_list() if task.kind == "choice" else None
    keys = canonical_keys(rows["answers"], task.kind, choices, decimal=task.decimal)
    return rows.select("question_id", accepted=keys)


def is_accepted() -> pl.Expr:
    """Returns the expression of whether the answer in a row is accepted; it is false for an unparsable answer."""
    return pl.col("key").is_not_null() & pl.col("accepted").list.contains(pl.col("key"))
