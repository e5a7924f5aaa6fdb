"""The values of maj@k and pass@k equal those found by brute force."""

import polars as pl
import pytest

from lmsi_kedro.evaluation.curves import measure_curves
from lmsi_kedro.evaluation.marking import accepted_keys
from tests.fabricate import TASKS, N, evaluation_readings, labels, predictions, questions


def test_curves_run_from_one_path_to_the_vote() -> None:
    """maj@m is the accuracy of the vote, and maj@1 = pass@1 is the share of correct paths."""
    made, tasks = evaluation_readings(N, skill=0.45), TASKS
    curves = measure_curves(made, labels(N), questions(N), tasks)
    votes = predictions(N, skill=0.45).filter(
        pl.col("mode") == "self_consistency", pl.col("task").is_in(tasks.in_domain)
    )
    assert curves["k"] == [1, 2, 4, 8]
    assert curves["questions"] == 2 * N
    assert curves["maj"][-1] == pytest.approx(votes["correct"].mean())
    assert curves["maj"][0] == pytest.approx(curves["pass"][0])
    assert curves["pass"] == sorted(curves["pass"])
    voted = made.filter(
        pl.col("mode") == "self_consistency", pl.col("task").is_in(tasks.in_domain)
    ).join(accepted_keys(labels(N), questions(N), tasks), on="question_id")
    right = voted.select(pl.col("accepted").list.contains(pl.col("key"))).to_series()
    assert curves["pass"][0] == pytest.approx(right.fill_null(False).mean())
