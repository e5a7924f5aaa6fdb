"""Compares the confidence of votes with their accuracy (paper, section 5.1 and figure 2)."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from lmsi_kedro import kernels, statistics
from lmsi_kedro.evaluation.marking import accepted_keys, is_accepted
from lmsi_kedro.params import EvaluationParams
from lmsi_kedro.tasks import Tasks


def calibrate(predictions: pl.DataFrame, tasks: Sequence[str]) -> dict[str, Any] | None:
    """Computes reliability bins, ECE and Brier score of the votes on these tasks; None without votes."""
    voted = predictions.filter(
        pl.col("mode") == "self_consistency",
        pl.col("confidence").is_not_null(),
        pl.col("task").is_in(tasks),
    )
    if voted.is_empty():
        return None
    confidence, correct = voted["confidence"].to_numpy(), voted["correct"].to_numpy()
    bins = statistics.reliability(confidence, correct)
    return {
        "n": voted.height,
        "ece": statistics.expected_calibration_error(bins),
        "brier": statistics.brier(confidence, correct),
        "bins": [b._asdict() for b in bins],
    }


def calibrate_probe(
    readings: pl.DataFrame,
    labels: pl.DataFrame,
    questions: pl.DataFrame,
    tasks: Tasks,
    evaluation: EvaluationParams,
) -> dict[str, Any]:
    """Finds the lowest confidence at which votes on probe questions reach evaluation.label_precision.

    It is only reported, as advice for voting.min_confidence. The result is empty without labeled probe questions;
    `threshold` is None if no confidence is high enough.
    """
    accepted = accepted_keys(labels, questions.filter(split="probe"), tasks)
    labeled = readings.join(accepted, on="question_id", how="semi").sort("question_id", "path")
    if labeled.is_empty():
        return {}
    by_question = labeled.group_by("question_id", maintain_order=True).len()
    votes = kernels.count_votes(labeled["key"], [0, *by_question["len"].cum_sum()])
    voted = by_question.with_columns(votes["key"], votes["confidence"]).join(
        accepted, on="question_id", maintain_order="left"
    )
    right = voted.select(is_accepted()).to_series().to_numpy()
    confidence = voted["confidence"].to_numpy()
    found = statistics.threshold_for(evaluation.label_precision, confidence, right)
    return {
        "n": len(right),
        "paths": int(by_question["len"].max()),  # type: ignore[arg-type]
        "accuracy": float(right.mean()),
        "wanted": evaluation.label_precision,
        "threshold": found._asdict() if found else None,
    }
