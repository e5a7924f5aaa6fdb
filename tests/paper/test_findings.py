"""Verdicts on the paper's claims, each of which needs the whole interval on one side of its bound."""

from typing import Any

import polars as pl
import pytest

from lmsi_kedro.paper.findings import finding, of_calibration
from tests.fabricate import TASKS
from tests.reproduced import ALARM


@pytest.mark.parametrize(
    ("value", "low", "high", "bound", "verdict"),
    [
        (0.2, 0.1, 0.3, 0.0, "holds"),
        (0.2, 0.1, 0.3, 0.15, "undecided"),
        (-0.01, -0.02, 0.01, -0.03, "holds"),
        (-0.2, -0.3, -0.1, 0.0, "does not hold"),
        (0.0, 0.0, 0.0, 0.0, "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval(
    value: float, low: float, high: float, bound: float, verdict: str
) -> None:
    assert (
        finding("x", {"value": value, "low": low, "high": high, "n": 9}, bound)["verdict"]
        == verdict
    )


def unsure_votes(confident: int) -> pl.DataFrame:
    """Ten votes with confidence .5, eight of them correct, and ten with .9, `confident` of them correct."""
    right = [True] * 8 + [False] * 2 + [True] * confident + [False] * (10 - confident)
    made = {"mode": "self_consistency", "task": "mini_gsm", "correct": right}
    return pl.DataFrame({**made, "confidence": [0.5] * 10 + [0.9] * 10})


@pytest.mark.parametrize(
    ("confident", "verdict"), [(10, "holds"), (5, "holds"), (0, "does not hold")]
)
def test_calibration_fails_only_beyond_the_intervals(confident: int, verdict: str) -> None:
    models = dict.fromkeys(("base", "vote"), unsure_votes(confident))
    for said in of_calibration(models, ["mini_gsm"]):
        assert said["verdict"] == verdict
        assert said["value"] == pytest.approx(confident / 10 - 0.8)
        assert (said["high"] < 0) is (verdict == "does not hold")
        assert "only if the intervals of two bins do not overlap" in said["where"]


def test_findings_follow_the_synthetic_skills(made: dict[str, Any]) -> None:
    said = {found["finding"]: found["verdict"] for found in made["findings"]}
    for task in TASKS.in_domain:
        assert said[f"CoT greedy gains in {task}"] == "holds"
    assert said["generated questions gain"] == "holds"
    assert said["given questions gain more"] != "does not hold"
    assert said["generated exemplars beat step by step"] == "holds"
    assert said["a second round gains"] != "holds"
    where = {found["finding"]: found["where"] for found in made["findings"]}
    assert where["a second round gains"] == f"not promoted: {ALARM}"
    assert "of seed 2" in where["CoT greedy gains 15 points on average"]
    assert said["the vote beats random paths"] == "holds"
    assert said["the vote gains 70 % of what gold gains"] != "does not hold"
    assert said["random paths gain less than 15 % of it"] == "holds"
    assert said["the larger model gains more from its own paths"] == "holds"
    assert said["after training the vote is better at T = 1.2 than at T = 0.7"] != "holds"
    assert len(said) == len(made["findings"])
