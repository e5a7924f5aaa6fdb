"""What a round will gain, predicted from what the vote gains over the greedy path on a labeled probe.

The vote does not bound the model after training, so the prediction is fitted on settings in which both were
measured (docs/headroom.md): gain = slope x vote, with an interval that has the spread of those settings around the
line and the sampling error of the probe.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

from lmsi_kedro.statistics import SURE

Z = 1.96


class Setting(NamedTuple):
    """One model on some questions. Shares, not points; intervals are two-sided, 95 %."""

    name: str
    vote: float  # the gain over the greedy path, on the probe, of the votes that are trained on
    vote_low: float
    vote_high: float
    threshold: float
    probe: int  # labeled probe questions
    gain: float  # of CoT greedy on held-out questions, after one round
    gain_low: float
    gain_high: float
    p_value: float  # McNemar's, of the gain
    held_out: int


class Line(NamedTuple):
    """The fitted line through the origin: without a gain of the vote, no gain of training is predicted."""

    slope: float
    spread: float  # standard deviation of measured gains around it


# Fitted to the settings of docs/results/headroom.json, which a test compares.
FITTED, SETTINGS = Line(1.20, 0.102), 14


class Prediction(NamedTuple):
    value: float
    low: float
    high: float


def fit(settings: Sequence[Setting]) -> Line:
    """Least squares through the origin. ValueError without two settings whose vote gains something."""
    fitted = [each for each in settings if each.vote]
    if len(fitted) < 2:
        raise ValueError("a prediction needs two settings in which the vote gains something")
    slope = sum(s.vote * s.gain for s in fitted) / sum(s.vote**2 for s in fitted)
    left = sum((s.gain - slope * s.vote) ** 2 for s in settings)
    return Line(slope, sqrt(left / (len(settings) - 1)))


def predict(line: Line, vote: float, low: float, high: float) -> Prediction:
    """The predicted gain and its interval, for this gain of the vote on the probe."""
    error = line.slope * (high - low) / (2 * Z)
    half = Z * sqrt(line.spread**2 + error**2)
    value = line.slope * vote
    return Prediction(value, value - half, value + half)


def expect(vote: float, low: float, high: float, room: float) -> dict[str, float]:
    """The gain of a round that is predicted by the line of all measured settings, and their number.

    room: the share of questions that the greedy path gets wrong, which is the most that a model can gain.
    """
    found = predict(FITTED, vote, low, high)._asdict()
    return {name: min(gain, room) for name, gain in found.items()} | {"settings": SETTINGS}


def judge(line: Line, setting: Setting) -> dict[str, Any]:
    """What the line predicts for a setting that it was not fitted to, beside what was measured.

    The predicted sign is right if prediction and gain are both above 0 or both not above it. A setting whose
    measured interval has 0, or a McNemar p not below SURE, is a null.
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
    """The line fitted to all settings, and how well a line fitted to the others predicts each setting."""
    if len([s for s in settings if s.vote]) < 3:
        return {}
    rows = [
        judge(fit([*settings[:place], *settings[place + 1 :]]), setting)
        for place, setting in enumerate(settings)
    ]
    return {**fit(settings)._asdict(), **counts(rows)}


def counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows of `judge` and how many were right: intervals of all, signs of those that are no nulls."""
    decided = [row for row in rows if not row["null"]]
    return {
        "held": sum(row["held"] for row in rows),
        "signs": sum(row["sign"] for row in decided),
        "shown": len(decided),
        "nulls": len(rows) - len(decided),
        "rows": rows,
    }
