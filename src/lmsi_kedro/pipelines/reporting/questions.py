"""Prepares the held-out questions for the page, each with its labels and all answers of two models."""

import polars as pl

from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.turns import SEPARATOR

MOST = 10_000  # questions on a page; ids are hashes, so the first ones by id are a random sample
ASKED = ["question_id", "mode"]


def gather_questions(
    questions: pl.DataFrame,
    labels: pl.DataFrame,
    tasks: Tasks,
    readings_before: pl.DataFrame,
    readings_after: pl.DataFrame,
    predictions_before: pl.DataFrame,
    predictions_after: pl.DataFrame,
) -> pl.DataFrame:
    """Makes a row for each of the first MOST evaluated questions; before and after have a struct for each mode.

    A struct contains the canonical answer, whether it is correct, the vote's confidence, whether it is tied, and
    the paths.
    """
    evaluated = (
        predictions_before.select("question_id")
        .unique(maintain_order=True)
        .sort("question_id")
        .head(MOST)
    )
    accepted = accepted_keys(labels.join(evaluated, on="question_id", how="semi"), questions, tasks)
    shown = evaluated
    models = {
        "before": answered(readings_before, predictions_before, accepted),
        "after": answered(readings_after, predictions_after, accepted),
    }
    earlier = pl.col("context").str.strip_prefix(SEPARATOR)
    readable = earlier.str.replace_all(SEPARATOR, "\n\n", literal=True)
    for table in (questions.drop("split").with_columns(readable), labels, accepted):
        shown = shown.join(table, on="question_id", how="left", maintain_order="left")
    for when, table in models.items():
        modes = table.rename({"modes": when})
        shown = shown.join(modes, on="question_id", how="left", maintain_order="left")
    return shown


def answered(
    readings: pl.DataFrame, predictions: pl.DataFrame, accepted: pl.DataFrame
) -> pl.DataFrame:
    """Collects the answers of one model, by mode, to the questions that have accepted answers."""
    kept = readings.join(accepted, on="question_id", maintain_order="left").with_columns(
        right=pl.col("accepted").list.contains(pl.col("key")).fill_null(value=False)
    )
    path = pl.struct("text", "key", "right", "tokens", "finish")
    paths = (
        kept.sort("path")
        .group_by(*ASKED, maintain_order=True)
        .agg(paths=path, parsed=pl.col("key").count())
    )
    tied = pl.col("key").is_null() & (pl.col("parsed") > 0)
    modes = (
        predictions.select(*ASKED, "key", "correct", "confidence")
        .join(paths, on=ASKED, maintain_order="left")
        .with_columns(tied=tied)
        .sort(ASKED)
    )
    mode = pl.struct("mode", "key", "correct", "confidence", "tied", "paths")
    return modes.group_by("question_id", maintain_order=True).agg(modes=mode)
