"""Predicts the gain of a round from the gain of the vote over the greedy path on a labeled probe.

The vote does not bound the model after training, so the prediction is fitted to settings in which both gains were
measured (docs/headroom.md): gain = slope x vote, with an interval that combines the spread of the settings around
the line and the sampling error of the probe.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

from lmsi_kedro.statistics import SURE

Z = 1.96


class Setting(NamedTuple):
    """One model on some questions. Values are shares, not points; intervals are two-sided, 95 %."""

    name: str
    vote: float  # gain over the greedy path, on the probe, of the votes whose paths are trained on
    vote_low: float
    vote_high: float
    threshold: float
    probe: int  # labeled probe questions
    gain: float  # gain of CoT greedy on held-out questions after one round
    gain_low: float
    gain_high: float
    p_value: float  # McNemar's test of the gain
    held_out: int


class Line(NamedTuple):
    """The fitted line through the origin: if the vote gains nothing, the predicted gain of training is 0."""

    slope: float
    spread: float  # standard deviation of measured gains around the line


# Fitted to the settings in docs/results/headroom.json; a test checks that they match.
FITTED, SETTINGS = Line(0.98, 0.155), 21


class Prediction(NamedTuple):
    value: float
    low: float
    high: float


def fit(settings: Sequence[Setting]) -> Line:
    """Fits a line through the origin; raises ValueError unless the vote gains something in two settings."""
    fitted = [each for each in settings if each.vote]
    if len(fitted) < 2:
        raise ValueError("a prediction needs two settings in which the vote gains something")
    slope = sum(s.vote * s.gain for s in fitted) / sum(s.vote**2 for s in fitted)
    left = sum((s.gain - slope * s.vote) ** 2 for s in settings)
    return Line(slope, sqrt(left / (len(settings) - 1)))


def predict(line: Line, vote: float, low: float, high: float) -> Prediction:
    """Predicts the gain and its interval from the gain of the vote on the probe."""
    error = line.slope * (high - low) / (2 * Z)
    half = Z * sqrt(line.spread**2 + error**2)
    value = line.slope * vote
    return Prediction(value, value - half, value + half)


def expect(vote: float, low: float, high: float, room: float) -> dict[str, float]:
    """Predicts the gain of a round with the line fitted to all measured settings; also returns their number.

    room: the share of questions that the greedy path gets wrong, which is the most that a model can gain.
    """
    found = predict(FITTED, vote, low, high)._asdict()
    return {name: min(gain, room) for name, gain in found.items()} | {"settings": SETTINGS}


def judge(line: Line, setting: Setting) -> dict[str, Any]:
    """Compares the measured gain of a setting with the prediction of a line that was fitted without this setting.

    The predicted sign is right if prediction and gain are both above 0 or both not above it. A setting is a null
    result if its measured interval contains 0 or its McNemar p is not below SURE.
    """
    found = predict(line, setting.vote, setting.vote_low, setting.vote_high)
    apart = setting.gain_low > 0 or setting.gain_high < 0
    return {
        "name": setting.name,
        **found._asdict(),
        "measured": setting.gain,
        "held": found.low <= setting.gain <= found.high,
        "null": not (apart and setting.p_value < SURE),
        "sign": (found.value > 0) == (setting.gain > 0),
    }


def leave_one_out(settings: Sequence[Setting]) -> dict[str, Any]:
    """Fits a line to all settings, and measures how well a line fitted to the others predicts each setting."""
    if len([s for s in settings if s.vote]) < 3:
        return {}
    rows = [
        judge(fit([*settings[:place], *settings[place + 1 :]]), setting)
        for place, setting in enumerate(settings)
    ]
    return {**fit(settings)._asdict(), **counts(rows)}


def counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts the right predictions in rows of `judge`: intervals in all, signs in those without a null result."""
    decided = [row for row in rows if not row["null"]]
    return {
        "held": sum(row["held"] for row in rows),
        "signs": sum(row["sign"] for row in decided),
        "shown": len(decided),
        "nulls": len(rows) - len(decided),
        "rows": rows,
    }
