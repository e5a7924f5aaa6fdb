"""Two models are compared only if they answered the same questions; the votes of a round are summarised."""

import polars as pl
import pytest

from lmsi_kedro.evaluation.comparison import compare, describe_votes
from lmsi_kedro.evaluation.curves import measure_curves
from lmsi_kedro.params import PathParams, Sampling
from lmsi_kedro.statistics import holm, mcnemar, wilson
from lmsi_kedro.tasks import Tasks
from tests.fabricate import NAMES, TASKS, N, evaluation_readings, labels, questions


def test_compare_counts_flips(before: pl.DataFrame, after: pl.DataFrame) -> None:
    row = compare(before, after, TASKS)["tasks"]["mini_svamp"]["cot_greedy"]
    chosen = (pl.col("task") == "mini_svamp") & (pl.col("mode") == "cot_greedy")
    was = dict(before.filter(chosen).select("question_id", "correct").iter_rows())
    now = dict(after.filter(chosen).select("question_id", "correct").iter_rows())
    gained = sum(not was[q] and now[q] for q in was)
    lost = sum(was[q] and not now[q] for q in was)
    assert (row["wrong_to_right"], row["right_to_wrong"]) == (gained, lost)
    assert row["delta"] == pytest.approx((gained - lost) / N)
    assert row["delta_low"] <= row["delta"] <= row["delta_high"]
    assert row["p_value"] == mcnemar(gained, lost)
    low, high = wilson(sum(was.values()), N)
    share = sum(was.values()) / N
    assert row["before"] == {"accuracy": share, "low": low, "high": high, "n": N}


def test_compare_pools_in_domain_tasks_only(before: pl.DataFrame, after: pl.DataFrame) -> None:
    metrics = compare(before, after, TASKS)
    assert list(metrics["tasks"]) == NAMES
    assert list(metrics["pooled"]) == ["standard", "cot_greedy", "self_consistency"]
    for mode, pooled in metrics["pooled"].items():
        rows = [metrics["tasks"][task][mode] for task in TASKS.in_domain]
        assert pooled["after"]["n"] == 2 * N
        assert pooled["wrong_to_right"] == sum(row["wrong_to_right"] for row in rows)
    assert metrics["before"] == {"round": 0, "arm": "base", "seed": 1}
    assert metrics["after"] == {"round": 1, "arm": "vote", "seed": 1}


def test_compare_ignores_row_order(before: pl.DataFrame, after: pl.DataFrame) -> None:
    shuffled = after.sample(fraction=1, shuffle=True, seed=1)
    assert compare(before, shuffled, TASKS) == compare(before, after, TASKS)


def test_compare_refuses_different_questions(before: pl.DataFrame, after: pl.DataFrame) -> None:
    wanted = (pl.col("task") == "mini_arc") & (pl.col("mode") == "self_consistency")
    missing = after.filter(~(wanted & (pl.col("question_id") == after.filter(wanted)[0, 0])))
    for pair in ((before, missing), (missing, before)):
        with pytest.raises(
            ValueError, match=r"mini_arc, self_consistency: .*; only arm base of round 0 has"
        ):
            compare(*pair, TASKS)


def test_compare_refuses_different_decodings(before: pl.DataFrame, after: pl.DataFrame) -> None:
    """Sampling at the paper's raised temperature is a separate mode, which is measured before training, too."""
    raised = after.with_columns(
        decoding=pl.when(mode="self_consistency").then(pl.lit("m=8 T=1.2")).otherwise("decoding")
    )
    with pytest.raises(
        ValueError, match=r"base of round 0 and arm vote of round 1 .* 'm=1' and 'm=8 T=1\.2'"
    ):
        compare(before, raised, TASKS)


def test_p_values_are_corrected_over_tasks(before: pl.DataFrame, after: pl.DataFrame) -> None:
    rows = [modes["cot_greedy"] for modes in compare(before, after, TASKS)["tasks"].values()]
    assert [row["p_holm"] for row in rows] == holm([row["p_value"] for row in rows])


def test_compare_refuses_mixed_models(before: pl.DataFrame, after: pl.DataFrame) -> None:
    mixed = after.with_columns(seed=pl.int_range(pl.len()) % 2)
    with pytest.raises(ValueError, match="predictions of 2 models"):
        compare(before, mixed, TASKS)


def test_task_without_held_out_questions_is_omitted(
    before: pl.DataFrame, after: pl.DataFrame
) -> None:
    more = Tasks(TASKS.root | {"mini_drop": TASKS["mini_gsm"]})
    assert compare(before, after, more) == compare(before, after, TASKS)
    nothing = compare(before.clear(), after.clear(), TASKS)
    assert nothing["tasks"] == nothing["pooled"] == {}
    curves = measure_curves(
        evaluation_readings(1, 0.5).clear(), labels(1).clear(), questions(1), TASKS
    )
    assert (curves["questions"], curves["k"]) == (0, [])


def paths_wanted(m: int, early_stop: float | None = None) -> PathParams:
    sampling = Sampling(temperature=0.7, max_new_tokens=8, seed=1)
    return PathParams(m=m, sampling=sampling, questions_per_task=9, early_stop=early_stop)


def test_mean_confidence_omits_early_stopped_questions() -> None:
    """Question a was stopped after 2 of 4 paths, so the mean confidence is that of b, which has all 4."""
    readings = pl.DataFrame(
        {"question_id": list("aabbbb"), "content": [1, 1, 2, 3, 4, 4], "tokens": [3, 4, 5, 5, 5, 9]}
    )
    answers = pl.DataFrame({"key": ["num:1"] * 6, "reason": ["agrees"] * 6, "rule": ["boxed"] * 6})
    votes = pl.DataFrame(
        {
            "question_id": ["a", "b"],
            "key": ["num:1", "num:2"],
            "confidence": [1.0, 0.5],
            "paths": [2, 4],
            "tied": [[], []],
            "kept": [True, True],
            "reason": ["winner", "winner"],
        },
        schema_overrides={"tied": pl.List(pl.String)},
    )
    found = describe_votes(votes, answers, readings, paths_wanted(4, 0.95))
    assert found["votes"]["confidence"] == 0.5
    assert found["sampling"] == {
        "paths": 6,
        "tokens": 31,
        "early_stop": {"confidence": 0.95, "questions": 1, "paths": 2, "tokens": 7},
    }


def test_vote_statistics_and_the_funnel() -> None:
    readings = pl.DataFrame(
        {"question_id": list("aabb"), "content": [1, 1, 2, 3], "tokens": [1, 2, 3, 4]}
    )
    answers = pl.DataFrame(
        {
            "key": ["num:1", "num:1", "num:2", None],
            "reason": ["agrees", "duplicate", "tied", "unreadable"],
            "rule": ["boxed", "answer is", "boxed", None],
        }
    )
    votes = pl.DataFrame(
        {
            "key": ["num:1", "num:2", None],
            "confidence": [1.0, 0.5, 0.0],
            "paths": [2, 2, 2],
            "tied": [[], [], ["num:3", "num:4"]],
            "kept": [True, False, False],
            "reason": ["winner", "low confidence", "tied"],
        }
    )
    assert describe_votes(votes, answers, readings, paths_wanted(2)) == {
        "votes": {
            "questions": 3,
            "decided": 2,
            "tied": 1,
            "kept": 1,
            "unreadable": 0.25,
            "confidence": 0.5,
            "winner_entropy": pytest.approx(1.0),
            "distinct_paths": 1.5,
            "tokens_per_path": 2.5,
        },
        "funnel": {
            "questions": {"all": 3, "low confidence": 1, "tied": 1, "kept": 1},
            "paths": {"all": 4, "duplicate": 1, "tied": 1, "unreadable": 1, "kept": 1},
        },
        "sampling": {"paths": 4, "tokens": 10},
    }
