"""Losses are reported, and so is evidence that is too weak to show anything."""

from typing import Any

import pytest

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.report.findings import warnings, worse
from lmsi_kedro.report.words import losses
from tests.fabricate import TASKS, predictions

SIGNALS = {"distinct_paths": 0.7, "unreadable": 0.02}
CURVES = {"questions": 9, "k": [1, 8], "maj": [0.4, 0.6], "pass": [0.4, 0.8]}
VOTES = {"questions": 400, "unreadable": 0.04, "tied": 29, "kept": 371}
HEADLINE = {"n": 800, "before": 0.4, "delta_low": 0.1, "delta_high": 0.16}
LEAKS = {"questions": 300, "overlapping": 4, "words": 13}


def measured(before: float, after: float, n: int = 60, **changed: Any) -> dict[str, Any]:
    entry = {
        "round": 1,
        **compare(predictions(n, before), predictions(n, after, 1, "vote"), TASKS),
        "curves": {"before": CURVES, "after": CURVES},
        "monitor": monitored(SIGNALS),
        "votes": VOTES,
        "leaks": LEAKS,
    }
    return {"headline": HEADLINE, "rounds": [entry | changed]}


def monitored(now: dict[str, Any], promoted: bool = True) -> dict[str, Any]:
    return {"promoted": promoted, "before": {"t": SIGNALS}, "candidate": {"t": now}}


def test_refused_candidate_is_not_reported_as_loss() -> None:
    refused = monitored(SIGNALS | {"unreadable": 0.3}, promoted=False)
    assert not any("unparsable" in said for said in worse(measured(0.4, 0.7, monitor=refused)))


def test_losses_are_named_first() -> None:
    found = measured(0.7, 0.2)
    said = worse(found)
    assert losses(found)
    assert said[: len(losses(found))] == [f"{lost}." for lost in losses(found)]
    assert any("before training are answered wrong after it" in sentence for sentence in said)


def test_insignificant_losses_are_listed_as_such() -> None:
    said = worse(measured(0.5, 0.49))
    assert losses(measured(0.5, 0.49)) == []
    assert any(s.startswith("Lower, but within chance: mini_") for s in said)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"curves": {"before": CURVES, "after": CURVES | {"pass": [0.4, 0.7]}}},
            "pass@8 fell from 80.0 % to 70.0 %",
        ),
        (
            {"calibration": {"before": {"ece": 0.1}, "after": {"ece": 0.2}}},
            "calibration error rose from 0.100 to 0.200",
        ),
        (
            {"monitor": monitored(SIGNALS | {"unreadable": 0.3})},
            "More paths are unparsable: t (2.0 % → 30.0 %)",
        ),
        (
            {"monitor": monitored(SIGNALS | {"distinct_paths": 0.5})},
            "less diverse; share of distinct ones: t (70.0 % → 50.0 %)",
        ),
    ],
)  # fmt: skip
def test_other_losses_are_listed(changed: dict[str, Any], said: str) -> None:
    quiet: dict[str, Any] = {"calibration": {"before": None, "after": None}}
    assert not any(said in sentence for sentence in worse(measured(0.4, 0.7, **quiet)))
    assert any(said in sentence for sentence in worse(measured(0.4, 0.7, **quiet | changed)))


@pytest.mark.parametrize(
    ("headline", "said"),
    [
        ({"n": 0}, "No held-out question has a label"),
        ({"n": 1}, "1 held-out question is too few to decide anything: even if every"),
        ({"n": 5}, "even if every answer changed from wrong to right, p would be 0.062."),
        ({"n": 6, "delta_low": 0.0, "delta_high": 0.2},
         "Only 6 questions are held out, so the gain is known only to within ±10 points. More labeled questions"),
        ({"n": 48, "delta_low": 0.0, "delta_high": 0.0}, "Only 48 questions are held out. More labeled"),
        ({"before": 0}, "The base model answers none of the in-domain questions right"),
    ],
)  # fmt: skip
def test_weak_evidence_is_reported(headline: dict[str, Any], said: str) -> None:
    found = measured(0.4, 0.7)
    assert warnings(found) == []
    assert [s for s in warnings(found | {"headline": HEADLINE | headline}) if said in s]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"votes": VOTES | {"unreadable": 0.52}}, "Round 1: 52.0 % of the sampled paths could not be parsed."),
        ({"votes": VOTES | {"tied": 200}}, "Round 1: 200 of 400 votes are tied"),
        ({"votes": VOTES | {"kept": 12}}, "Round 1: only 12 of 400 questions have a vote that was kept."),
        ({"leaks": LEAKS | {"overlapping": 100}}, "100 of 300 training questions share 13 consecutive words"),
    ],
)  # fmt: skip
def test_weak_votes_are_reported(changed: dict[str, Any], said: str) -> None:
    assert [s for s in warnings(measured(0.4, 0.7, **changed)) if said in s]
