"""Confidence in bins beside accuracy: votes have one, lone paths none."""

import polars as pl

from lmsi_kedro.evaluation.calibration import calibrate
from tests.fabricate import TASKS, N


def test_calibration_of_the_vote(before: pl.DataFrame) -> None:
    found = calibrate(before, TASKS.in_domain)
    assert found is not None
    assert found["n"] == sum(b["n"] for b in found["bins"]) == 2 * N
    assert found["bins"][-1]["accuracy"] > found["bins"][0]["accuracy"]
    greedy = before.filter(pl.col("mode") == "cot_greedy")
    assert calibrate(greedy, TASKS.in_domain) is None
