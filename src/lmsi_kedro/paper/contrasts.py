"""Computes weighted sums of the accuracies of models on the same questions, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lmsi_kedro import statistics

Metrics = dict[str, Any]
Models = Mapping[str, pl.DataFrame]  # predictions, or curves, by name
KEYS = ["seed", "question_id"]


def answers(
    predictions: pl.DataFrame, mode: str, tasks: Sequence[str] | None = None
) -> pl.DataFrame:
    """Returns seed, question_id and value: 1 if the model is right in this mode, on questions of these tasks."""
    chosen = predictions.filter(mode=mode)
    if tasks is not None:
        chosen = chosen.filter(pl.col("task").is_in(tasks))
    return chosen.select(*KEYS, value=pl.col("correct").cast(pl.Float64))


def maj(curve: pl.DataFrame, k: int) -> pl.DataFrame:
    """Returns seed, question_id and value: maj@k of every question."""
    return curve.filter(k=k).select("seed", "question_id", value="maj")


def accuracy(values: pl.DataFrame) -> Metrics:
    """Returns value, low and high (Wilson's interval), and n."""
    right = round(values["value"].sum())
    low, high = statistics.wilson(right, values.height)
    return {"value": right / values.height, "low": low, "high": high, "n": values.height}


def contrast(terms: Sequence[tuple[float, pl.DataFrame]]) -> Metrics:
    """Averages the weighted sum of values over questions, with a bootstrap by question over all seeds.

    Uses only questions that all terms contain; raises ValueError if there are none.
    """
    (weight, first), *rest = terms
    joined = first.select(*KEYS, total=weight * pl.col("value"))
    for weight, values in rest:
        joined = joined.join(values, on=KEYS, validate="1:1", maintain_order="left").select(
            *KEYS, total=pl.col("total") + weight * pl.col("value")
        )
    if joined.is_empty():
        raise ValueError("reproduction: models to be compared have no question in common")
    totals = joined["total"].round(12).to_numpy()
    low, high = statistics.clustered_bootstrap(totals, joined["question_id"].to_list())
    return {"value": float(totals.mean()), "low": low, "high": high, "n": joined.height}


def gain(before: pl.DataFrame, after: pl.DataFrame) -> Metrics:
    """Returns after - before, and the exact McNemar p-value of every seed."""
    return {
        **contrast([(1, after), (-1, before)]),
        "p_values": {
            str(seed): _mcnemar(rows, after.filter(seed=seed))
            for (seed,), rows in sorted(before.partition_by("seed", as_dict=True).items())
        },
    }


def _mcnemar(before: pl.DataFrame, after: pl.DataFrame) -> float:
    pairs = before.join(after, on=KEYS, suffix="_after", validate="1:1", maintain_order="left")
    flips = pairs["value_after"] - pairs["value"]
    return statistics.mcnemar(int((flips > 0).sum()), int((flips < 0).sum()))
