"""Figures are bit-identical for any order in which the groups of a table are processed."""

import json
from typing import Any

import polars as pl

from lmsi_kedro import statistics
from lmsi_kedro.evaluation.comparison import describe_votes
from lmsi_kedro.params import PathParams, SamplingParams
from lmsi_kedro.pipelines.monitoring.nodes import signals
from lmsi_kedro.pipelines.monitoring.support import compare_support

SAMPLING = SamplingParams(temperature=0.7, max_new_tokens=8, seed=1)
PATHS = PathParams(m=7, sampling=SAMPLING, questions_per_task=60, early_stop=0.95)
QUESTIONS = 60


def readings() -> pl.DataFrame:
    rows = [
        (
            f"q{q:02}",
            path,
            f"num:{(q * q + path % (1 + q % 3)) % 23}",
            q * path % 5,
            3 + q * path % 11,
        )
        for q in range(QUESTIONS)
        for path in range(3 + q % 5)
    ]
    return pl.DataFrame(rows, ["question_id", "path", "key", "content", "tokens"], orient="row")


def votes() -> pl.DataFrame:
    reasons = ["winner", "tied", "unreadable", "low confidence"]
    return pl.DataFrame(
        [
            (f"q{q:02}", f"num:{q * q % 23}", 3 + q % 5, 1 / (1 + q % 7), [], True, reasons[q % 4])
            for q in range(QUESTIONS)
        ],
        ["question_id", "key", "paths", "confidence", "tied", "kept", "reason"],
        orient="row",
        schema_overrides={"tied": pl.List(pl.String)},
    )


def supports(factor: float) -> pl.DataFrame:
    names = [f"q{q:02}" for q in range(QUESTIONS)]
    return pl.DataFrame(
        {"question_id": names, "support": [factor / (q + 3) for q in range(QUESTIONS)]}
    )


def written(made: Any) -> str:
    return json.dumps(made)


def test_figures_do_not_depend_on_group_order() -> None:
    read, counted = readings(), votes()
    answers = counted.select("key", "reason", rule=pl.lit("boxed"))
    found = {
        (
            written(describe_votes(counted, answers, read, PATHS)),
            written(signals(read)),
        )
        for _ in range(50)
    }
    assert len(found) == 1


def test_support_change_does_not_depend_on_question_order() -> None:
    before, candidate = supports(0.7), supports(0.9)
    shuffled = (
        compare_support(before.sample(fraction=1, shuffle=True, seed=seed), candidate)
        for seed in range(5)
    )
    assert {written(change) for change in shuffled} == {written(compare_support(before, candidate))}


def test_counts_are_in_order_of_frequency_and_name() -> None:
    values = ["b", "c", "a", "b", "c", "d"]
    assert list(statistics.counts(values).items()) == [("b", 2), ("c", 2), ("a", 1), ("d", 1)]
    assert statistics.entropy(values) == statistics.entropy(sorted(values))
    assert statistics.entropy("aabb") == 1
    assert statistics.entropy([]) == 0
