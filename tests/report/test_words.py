"""The sentences of a result, the unwelcome ones included."""

from typing import Any

import pytest

from lmsi_kedro.report import words

HEADLINE = {
    "before": 0.472,
    "after": 0.63,
    "delta": 0.158,
    "delta_low": 0.121,
    "delta_high": 0.194,
    "p_value": 3.1e-15,
    "n": 1800,
    "improved": True,
    "beats_controls": True,
    "random_upper_share": 0.14,
}


def test_claim_and_evidence() -> None:
    assert words.claim(HEADLINE) == (
        "CoT greedy accuracy on 1,800 held-out questions: 47.2 % → 63.0 %"
    )
    assert words.evidence(HEADLINE) == ("+15.8 points (95 % interval +12.1 to +19.4, p = 3e-15)")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "The model improved, and training on the same number of random paths does less."),
        ({"beats_controls": False}, "the gain cannot be credited to the vote"),
        ({"p_value": 0.05}, "No improvement is shown"),
        ({"delta": -0.1}, "The model got worse."),
        ({"delta": -0.1, "p_value": 0.3}, "No improvement is shown"),
    ],
)
def test_verdict(changed: dict[str, Any], said: str) -> None:
    assert said in words.verdict(HEADLINE | changed)


@pytest.mark.parametrize(
    ("delta", "text"), [(0.0004, "0.0"), (-0.0004, "0.0"), (0.2, "+20.0"), (-0.012, "\u22121.2")]
)
def test_points_carry_a_sign_unless_zero(delta: float, text: str) -> None:
    assert words.points(delta) == text


@pytest.mark.parametrize(("p", "text"), [(1.0, "1"), (0.0123, "0.012"), (0.00004, "4e-5")])
def test_probability(p: float, text: str) -> None:
    assert words.probability(p) == text


@pytest.mark.parametrize(
    ("share", "reached"),
    [(0.14, "(at most +2.0, 14 % of the vote's gain)"), (None, "(at most +2.0)")],
)
def test_control(share: float | None, reached: str) -> None:
    row = {"delta": 0.011, "delta_high": 0.02, "p_value": 0.02}
    arm = {"pooled": {"cot_greedy": row}}
    metrics = {
        "headline": HEADLINE | {"random_upper_share": share},
        "rounds": [{"pooled": {"cot_greedy": row | {"delta": 0.14}}}],
        "controls": {"random": arm},
        "vote_over_random": arm,
    }
    said = words.control(metrics)
    assert "+14.0 points with the vote and +1.1 with random paths" in said
    assert reached in said
    assert said.endswith("p = 0.02.")
