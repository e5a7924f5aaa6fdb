"""The sentences about a result, including unfavourable ones."""

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
    "arms": {"random": {"beaten": True}},
}


def test_claim_and_evidence_have_all_figures() -> None:
    assert words.claim(HEADLINE) == (
        "CoT greedy accuracy on 1,800 held-out questions: 47.2 % → 63.0 %"
    )
    assert words.evidence(HEADLINE) == ("+15.8 points (95 % interval +12.1 to +19.4, p = 3e-15)")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "The model improved, and training on as many random paths gains less."),
        (
            {"beats_controls": False, "arms": {"random": {"beaten": False}}},
            "cannot be credited to the vote",
        ),
        (
            {"beats_controls": False, "arms": {"gold": {"beaten": True}}},
            "The model improved; no control arm without the vote was trained",
        ),
        ({"p_value": 0.05}, "No improvement is shown"),
        ({"delta": -0.1}, "The model got worse."),
        ({"delta": -0.1, "p_value": 0.3}, "No improvement is shown"),
    ],
)
def test_verdict_depends_on_gain_and_controls(changed: dict[str, Any], said: str) -> None:
    assert said in words.verdict(HEADLINE | changed)


def lost(delta: float, **p: float) -> dict[str, Any]:
    return {"before": {"accuracy": 0.5}, "after": {"accuracy": 0.5 + delta}, "delta": delta, **p}


def test_significant_losses_come_largest_first() -> None:
    """Losses of tasks must be significant after Holm's correction; gains and other losses are left out."""
    tasks = {
        "a": {"standard": lost(-0.2, p_value=0.001, p_holm=0.004)},
        "b": {
            "standard": lost(-0.3, p_value=0.04, p_holm=0.08),
            "cot_greedy": lost(0.3, p_value=0.001, p_holm=0.002),
        },
    }
    pooled = {"zero_shot_cot": lost(-0.4, p_value=0.01), "standard": lost(-0.1, p_value=0.2)}
    assert words.losses({"rounds": [{"tasks": tasks, "pooled": pooled}]}) == [
        "in-domain tasks, zero-shot CoT: 50.0 % → 10.0 % (\u221240.0 points)",
        "a, standard: 50.0 % → 30.0 % (\u221220.0 points)",
    ]


@pytest.mark.parametrize(
    ("delta", "text"), [(0.0004, "0.0"), (-0.0004, "0.0"), (0.2, "+20.0"), (-0.012, "\u22121.2")]
)
def test_points_carry_a_sign_unless_zero(delta: float, text: str) -> None:
    assert words.points(delta) == text


@pytest.mark.parametrize(("p", "text"), [(1.0, "1"), (0.0123, "0.012"), (0.00004, "4e-5")])
def test_probabilities_are_rounded(p: float, text: str) -> None:
    assert words.probability(p) == text


FOUND = {"gain": 0.011, "gain_high": 0.02, "share": 0.08, "p_value": 0.02, "beaten": True}


@pytest.mark.parametrize(
    ("arm", "changed", "said"),
    [
        (
            "random",
            {},
            "Training on as many random paths gained +1.1 (at most +2.0, 8 % of the vote's gain).",
        ),
        ("random", {}, "The vote beats it (p = 0.02)."),
        ("shuffled", {"beaten": False}, "The vote is not shown to beat it"),
        ("direct_only", {"share": None}, "(at most +2.0)"),
        (
            "gold",
            {"beaten": False},
            "upper bound; on the same questions the vote is not shown to be better",
        ),
    ],
)
def test_control_is_described(arm: str, changed: dict[str, Any], said: str) -> None:
    assert said in words.control(arm, FOUND | changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "right in 60.0 % of 100 questions; one greedy path"),
        ({}, "is better than it"),
        ({"delta": -0.1}, "is worse than it"),
        ({"p_value": 0.4}, "does not differ from it"),
    ],
)
def test_untrained_vote_is_described(changed: dict[str, Any], said: str) -> None:
    row = {"affordable": 80, "m": 64, "delta": 0.1, "p_value": 0.01}
    shares = {"before": {"accuracy": 0.6, "n": 100}, "after": {"accuracy": 0.7, "n": 100}}
    assert said in words.untrained(row | shares | changed)


def test_unreachable_precision_is_reported() -> None:
    found = {"n": 40, "paths": 8, "accuracy": 0.5, "wanted": 0.9, "threshold": None}
    assert words.label_precision({"label_precision": {}}) == ""
    assert words.label_precision({"label_precision": found}).endswith(
        "no confidence makes them right in 90.0 %."
    )


def test_warm_start_is_disclosed() -> None:
    """The accuracy of the given model is included if it was measured."""
    assert words.warm_start({}) == ""
    found = {"file": "my.jsonl", "examples": 1400, "examples_left_out": 3, "questions_left_out": 2}
    said = words.warm_start({"warm_start": {**found, "pooled": {}}})
    assert said == (
        "The base model was first trained, supervised, on 1,400 labeled examples (file my.jsonl); “before” is that"
        " model. Left out: 3 of the examples, which are held-out or probe questions; 2 of the unlabeled questions,"
        " which are examples."
    )
    greedy = {"before": {"accuracy": 0.12}, "after": {"accuracy": 0.31}}
    said = words.warm_start({"warm_start": {**found, "pooled": {"cot_greedy": greedy}}})
    assert "The model as it was given: 12.0 %; after the warm start: 31.0 %." in said
