"""Calibration compares confidence and accuracy in bins. Votes have a confidence; single paths do not."""

import polars as pl

from lmsi_kedro.evaluation.calibration import calibrate, calibrate_probe
from lmsi_kedro.params import EvaluationParams
from tests.fabricate import TASKS, N, evaluation_readings, labels, predictions, questions


def test_calibration_of_the_vote(before: pl.DataFrame) -> None:
    found = calibrate(before, TASKS.in_domain)
    assert found is not None
    assert found["n"] == sum(b["n"] for b in found["bins"]) == 2 * N
    assert found["bins"][-1]["accuracy"] > found["bins"][0]["accuracy"]
    greedy = before.filter(pl.col("mode") == "cot_greedy")
    assert calibrate(greedy, TASKS.in_domain) is None


def test_probe_threshold_is_lowest_with_wanted_precision() -> None:
    """The threshold is the same as in a search over all confidences of the probe's votes."""
    wanted = EvaluationParams(
        modes=["self_consistency"], greedy_questions=9, voted_questions=9, m=8, temperature=0.7,
        raised_temperature=1.2, max_new_tokens=64, label_precision=0.7, seed=1,
    )  # fmt: skip
    readings = evaluation_readings(N, 0.45).filter(mode="self_consistency")
    probe = questions(N).with_columns(split=pl.lit("probe"))
    found = calibrate_probe(readings, labels(N), probe, TASKS, wanted)
    voted = predictions(N, 0.45).filter(mode="self_consistency")
    sure = {c: voted.filter(pl.col("confidence") >= c)["correct"] for c in voted["confidence"]}
    shares = {c: correct.sum() / len(correct) for c, correct in sure.items()}
    assert (found["n"], found["paths"], found["wanted"]) == (3 * N, 8, 0.7)
    assert found["threshold"]["confidence"] == min(c for c, share in shares.items() if share >= 0.7)
    assert calibrate_probe(readings, labels(N), questions(N), TASKS, wanted) == {}
