"""Support is the agreement of the base model's paths with greedy answers; the monitor tests how it changes."""

import logging
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.pipelines.monitoring.nodes import examine_probe, promote_candidate
from lmsi_kedro.pipelines.monitoring.support import compare_support, mark_greedy, measure_support
from tests.fabricate import TASKS, evaluation_readings, labels, predictions, questions
from tests.pipelines.monitoring.healthy import HEALTHY, MONITOR

OLD, NEW, WELL = Model(Path("old"), "o"), Model(Path("new"), "n"), {"t": HEALTHY}


def supports(values: list[float]) -> pl.DataFrame:
    names = [f"q{i}" for i in range(len(values))]
    return pl.DataFrame({"question_id": names, "task": "t", "support": values})


def test_support_equals_the_value_computed_by_hand() -> None:
    base = pl.DataFrame(
        {
            "question_id": ["a"] * 4 + ["b"] * 4 + ["c"] * 4,
            "key": ["num:1", "num:1", "num:2", None, "num:3", "num:3", "num:3", "num:3", None, None, None, None],
        }
    )  # fmt: skip
    greedy = pl.DataFrame(
        {"question_id": ["b", "a", "c"], "task": ["t"] * 3, "key": ["num:3", "num:2", None]}
    )
    assert measure_support(greedy, base).rows() == [
        ("b", "t", 1.0),
        ("a", "t", 0.25),
        ("c", "t", 0.0),
    ]
    other = greedy.with_columns(key=pl.lit("num:9"))
    assert measure_support(other, base)["support"].to_list() == [0.0, 0.0, 0.0]


def test_support_estimates_accuracy_of_calibrated_paths() -> None:
    """If right paths have a different probability for each question, support estimates the accuracy of answers."""
    draw = np.random.default_rng(0)
    ease = draw.uniform(size=400)
    right = draw.uniform(size=(400, 33)) < ease[:, None]
    keys = np.where(right, "right", "wrong")
    names = [f"q{i}" for i in range(400)]
    base = pl.DataFrame({"question_id": np.repeat(names, 32), "key": keys[:, :32].ravel()})
    for skill in (keys[:, 32], np.where(ease > 0.5, "right", "wrong")):
        greedy = pl.DataFrame({"question_id": names, "task": "t", "key": skill})
        found = measure_support(greedy, base)["support"].mean()
        expected = np.where(skill == "right", ease, 1 - ease).mean()
        assert found == pytest.approx(expected, abs=0.02)


def test_probe_guard_measures_support_by_labels() -> None:
    greedy = evaluation_readings(20, skill=0.5).filter(mode="cot_greedy")
    marked = mark_greedy(greedy, labels(20), questions(20), TASKS)
    expected = predictions(20, 0.5).filter(mode="cot_greedy")
    assert marked.height == expected.height
    both = marked.join(expected, on="question_id")
    assert both["support"].to_list() == both["correct"].cast(pl.Float64).to_list()
    some = labels(20)[1:]
    for read in (mark_greedy, examine_probe):
        with pytest.raises(ValueError, match=r"guard=probe: the task .*preparation\.probe_share"):
            read(greedy, some, questions(20), TASKS)


def test_change_of_support_is_paired() -> None:
    """Differences between questions are much larger than the changes; the order of questions may differ."""
    before = supports([i / 100 for i in range(100)])
    after = before.with_columns(pl.col("support") + 0.01).reverse()
    change = compare_support(before, after)
    assert change["questions"] == 100
    assert change["low"] == pytest.approx(0.01) == pytest.approx(change["gain"])
    assert change["candidate"] - change["before"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("round_number", "moved", "strict", "promoted", "said"),
    [
        (1, 0.05, True, True, None),
        (1, 0.0, True, True, None),
        (1, -0.05, False, False, "not promoted: all tasks: support 0.500 -> 0.450"),
        (2, 0.05, True, True, None),
        (2, 0.0, True, False, "not promoted: the monitor sees no gain (support 0.500 -> 0.500"),
        (2, 0.0, False, True, "2 is promoted: the monitor sees no gain (support 0.500 -> 0.500"),
        (2, -0.05, False, False, "not promoted: all tasks: support 0.500 -> 0.450"),
        (1, -0.005, False, True, None),
        (2, -0.005, False, True, "2 is promoted: the monitor sees no gain (support 0.500 -> 0.495"),
    ],
)
def test_later_round_without_gain_is_reported(
    round_number: int,
    moved: float,
    strict: bool,
    promoted: bool,
    said: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = supports([0.5] * 100)
    after = supports(list(0.5 + moved + np.tile([0.01, -0.01], 50)))
    monitor = MONITOR.model_copy(update={"later_rounds_must_gain": strict})
    with caplog.at_level(logging.WARNING):
        model, _, support, verdict = promote_candidate(
            NEW, OLD, WELL, WELL, before, after, monitor, round_number
        )
    assert verdict["promoted"] is promoted is (model == NEW)
    assert support.equals(after if promoted else before)
    assert (said in caplog.text) if said else not caplog.text


def test_missing_gain_does_not_stop_the_loop() -> None:
    """`on_alarm=stop` only applies to alarms; a later round without a gain is reported as usual."""
    stop = MONITOR.model_copy(update={"on_alarm": "stop"})
    same, worse = supports([0.5, 0.75]), supports([0.25, 0.5])
    model, *_, verdict = promote_candidate(NEW, OLD, WELL, WELL, same, same, stop, round_number=2)
    assert model == OLD
    assert verdict["alarms"] == []
    assert verdict["doubts"] == [
        "the monitor sees no gain (support 0.625 -> 0.625, change +0.000 to +0.000)"
    ]
    with pytest.raises(RuntimeError, match=r"support 0\.625 -> 0\.375"):
        promote_candidate(NEW, OLD, WELL, WELL, same, worse, stop, round_number=2)
