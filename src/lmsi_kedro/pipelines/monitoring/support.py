"""Estimates from the base model's own paths, without labels, whether a model is better than the previous one.

The share of a model's paths that agree on an answer approximates the probability that the answer is right (paper,
figure 2). So the share of the base model's paths that agree with another model's greedy answer is, on average,
close to that model's accuracy. This estimate does not show gains on questions that all paths of the base model get
wrong; the guard `probe` does.
"""

from typing import TypedDict

import polars as pl

from lmsi_kedro import statistics
from lmsi_kedro.evaluation.marking import accepted_keys, is_accepted
from lmsi_kedro.tasks import Tasks


class Change(TypedDict):
    """Mean support of two models on the same questions, and the gain with its 95 % interval."""

    questions: int
    before: float
    candidate: float
    gain: float
    low: float
    high: float


def measure_support(greedy_readings: pl.DataFrame, base_readings: pl.DataFrame) -> pl.DataFrame:
    """Measures support by question: the share of the base model's sampled paths that give the greedy answer.

    The support of an unparsable answer is 0. Greedy paths are not among the sampled ones, so the base model has no
    advantage.
    """
    sampled = base_readings.group_by("question_id", maintain_order=True).agg(paths=pl.len())
    agreeing = base_readings.group_by("question_id", "key", maintain_order=True).agg(
        agreeing=pl.len()
    )
    return (
        greedy_readings.join(sampled, on="question_id", maintain_order="left")
        .join(agreeing, on=["question_id", "key"], how="left", maintain_order="left")
        .select("question_id", "task", support=pl.col("agreeing").fill_null(0) / pl.col("paths"))
    )


def mark_greedy(
    greedy_readings: pl.DataFrame, labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks
) -> pl.DataFrame:
    """Measures support with labels, for `guard=probe`: 1 for an answer that matches the label, otherwise 0."""
    check_labeled(greedy_readings, labels)
    accepted = accepted_keys(labels, questions, tasks)
    marked = greedy_readings.join(accepted, on="question_id", maintain_order="left")
    return marked.select("question_id", "task", support=is_accepted().cast(pl.Float64))


def check_labeled(readings: pl.DataFrame, labels: pl.DataFrame) -> None:
    """Raises ValueError if a question has no label, as in a task that is monitored on unlabeled questions."""
    unlabeled = readings.join(labels, on="question_id", how="anti")
    if unlabeled.height:
        raise ValueError(
            f"guard=probe: the task {unlabeled['task'][0]} has no labeled probe questions; add some, for example"
            " with --params=preparation.probe_share=0.1, or leave the guard out"
        )


def compare_support(before: pl.DataFrame, candidate: pl.DataFrame) -> Change:
    """Compares two models, paired by question over all tasks, with a bootstrap interval over questions."""
    both = before.join(
        candidate, on="question_id", suffix="_candidate", maintain_order="left"
    ).sort("question_id")
    gains = both["support_candidate"] - both["support"]
    low, high = statistics.clustered_bootstrap(gains.to_numpy(), both["question_id"].to_list())
    return Change(
        questions=both.height,
        before=float(both["support"].mean()),  # type: ignore[arg-type]
        candidate=float(both["support_candidate"].mean()),  # type: ignore[arg-type]
        gain=float(gains.mean()),  # type: ignore[arg-type]
        low=low,
        high=high,
    )


def in_words(change: Change) -> str:
    """Describes the change, for example "support 0.610 -> 0.600, change -0.020 to +0.010"."""
    return (
        f"support {change['before']:.3f} -> {change['candidate']:.3f},"
        f" change {change['low']:+.3f} to {change['high']:+.3f}"
    )
