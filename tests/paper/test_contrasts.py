"""Weighted differences of accuracies have the same bounds and p-values as a brute-force calculation."""

import numpy as np
import polars as pl
import pytest

from lmsi_kedro.paper.contrasts import accuracy, answers, contrast, gain
from lmsi_kedro.statistics import mcnemar
from tests.fabricate import TASKS
from tests.reproduced import N


def test_contrast_is_the_mean_of_weighted_answers(found: dict[str, pl.DataFrame]) -> None:
    greedy = {
        name: answers(found[name], "cot_greedy", TASKS.in_domain)
        for name in ("vote", "gold", "base")
    }
    by_hand = {name: values["value"].to_numpy().mean() for name, values in greedy.items()}
    share = contrast([(1, greedy["vote"]), (-0.7, greedy["gold"]), (-0.3, greedy["base"])])
    expected = by_hand["vote"] - 0.7 * by_hand["gold"] - 0.3 * by_hand["base"]
    assert share["value"] == pytest.approx(expected)
    assert share["n"] == 2 * 2 * N
    questions = sorted(set(greedy["base"]["question_id"]))
    joined = greedy["vote"].join(greedy["base"], on=["seed", "question_id"])
    by_question = {
        q: (rows["value"] - rows["value_right"]).to_list()
        for (q,), rows in joined.partition_by("question_id", as_dict=True).items()
    }
    rng = np.random.default_rng(5)
    drawn = [
        np.mean(
            [by_question[questions[i]] for i in rng.integers(0, len(questions), len(questions))]
        )
        for _ in range(3000)
    ]
    gained = gain(greedy["base"], greedy["vote"])
    assert (gained["low"], gained["high"]) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02
    )
    first = joined.filter(seed=1)
    up = int((first["value"] > first["value_right"]).sum())
    down = int((first["value"] < first["value_right"]).sum())
    assert gained["p_values"]["1"] == mcnemar(up, down)
    assert set(gained["p_values"]) == {"1", "2"}
    with pytest.raises(ValueError, match="no question in common"):
        contrast([(1, greedy["base"]), (-1, greedy["vote"].clear())])


def test_accuracy_has_wilson_bounds(found: dict[str, pl.DataFrame]) -> None:
    cell = accuracy(answers(found["vote"], "standard"))
    assert cell["low"] < cell["value"] < cell["high"]
    assert cell["n"] == 2 * 3 * N
