"""Predicted gains: the fitted line, its interval, and the leave-one-out test on measured settings."""

import json
from pathlib import Path

import pytest

from lmsi_kedro.evaluation.prediction import (
    FITTED,
    SETTINGS,
    Line,
    Setting,
    expect,
    fit,
    leave_one_out,
    predict,
)


def setting(
    vote: float, gain: float, name: str = "s", error: float = 0.02, p_value: float = 1e-3
) -> Setting:
    """A setting; the half-width of the probe's interval is 0.02, that of the gain's interval is `error`."""
    ends = gain - error, gain + error
    return Setting(name, vote, vote - 0.02, vote + 0.02, 0.0, 100, gain, *ends, p_value, 400)


def test_the_line_goes_through_the_origin() -> None:
    line = fit([setting(0.1, 0.15), setting(0.2, 0.3), setting(0.0, 0.0)])
    assert line.slope == pytest.approx(1.5)
    assert line.spread == pytest.approx(0.0)


def test_fit_needs_two_settings_whose_votes_gain() -> None:
    with pytest.raises(ValueError, match="two settings in which the vote gains"):
        fit([setting(0.0, 0.1), setting(0.1, 0.1)])
    assert leave_one_out([setting(0.1, 0.1), setting(0.2, 0.2)]) == {}


def test_interval_combines_both_errors() -> None:
    """The spread is .03, and slope 2 doubles the probe's standard error of .02: sqrt(.03^2 + .04^2) = .05."""
    found = predict(Line(2.0, 0.03), 0.1, 0.1 - 1.96 * 0.02, 0.1 + 1.96 * 0.02)
    assert found.value == pytest.approx(0.2)
    assert [found.low, found.high] == pytest.approx([0.2 - 0.098, 0.2 + 0.098])


def test_each_setting_is_predicted_by_the_others() -> None:
    settings = [
        setting(0.1, 0.1, "a"),
        setting(0.2, 0.2, "b"),
        setting(0.3, 0.3, "c"),
        setting(0.1, -0.2, "d"),
    ]
    found = leave_one_out(settings)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["d"]["value"] == pytest.approx(0.1)
    assert not rows["d"]["held"]
    assert not rows["d"]["sign"]
    assert (found["shown"], found["signs"], found["nulls"]) == (4, 3, 0)


def test_insignificant_gains_are_counted_separately() -> None:
    found = leave_one_out(
        [
            *(setting(tenths / 10, tenths / 10) for tenths in (1, 2, 3)),
            setting(0.05, -0.01),
            setting(0.05, 0.03, p_value=0.13),
        ]
    )
    assert (found["shown"], found["nulls"]) == (3, 2)


def test_shipped_line_fits_the_stored_settings() -> None:
    stored = json.loads(Path("docs/results/headroom.json").read_text())
    rows = stored["settings"] + stored["fresh"]["settings"]
    assert fit([Setting(**row) for row in rows]) == pytest.approx(FITTED, abs=5e-3)
    assert len(rows) == SETTINGS


def test_expected_gain_follows_from_the_probe() -> None:
    found = expect(0.1, 0.05, 0.15, room=0.9)
    assert found["value"] == pytest.approx(0.1 * FITTED.slope)
    assert found["low"] < found["value"] < found["high"]
    assert found["settings"] == SETTINGS


def test_expected_gain_is_capped_by_the_errors() -> None:
    found = expect(0.4, 0.35, 0.45, room=0.32)
    assert found["value"] == found["high"] == 0.32
    assert 0 < found["low"] < 0.32
