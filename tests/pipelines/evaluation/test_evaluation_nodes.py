"""Marking against labels, and comparisons that refuse unequal questions."""

from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.calibration import calibrate
from lmsi_kedro.evaluation.comparison import compare, vote_statistics
from lmsi_kedro.evaluation.curves import measure_curves
from lmsi_kedro.evaluation.decoding import FORMATS, decoding, fingerprint
from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.params import EvaluationParams, PathParams, Sampling
from lmsi_kedro.pipelines.evaluation.nodes import decide_answers, mark_predictions
from lmsi_kedro.statistics import holm, mcnemar, wilson
from lmsi_kedro.tasks import Exemplar, Tasks
from tests.fabricate import (
    NAMES,
    TASKS,
    evaluation_answers,
    evaluation_readings,
    labels,
    predictions,
    questions,
)

N = 60


@pytest.fixture(scope="module")
def before() -> pl.DataFrame:
    return predictions(N, skill=0.45)


@pytest.fixture(scope="module")
def after() -> pl.DataFrame:
    return predictions(N, skill=0.65, round=1, arm="vote")


def test_marks_by_key(before: pl.DataFrame) -> None:
    marked = mark_predictions(evaluation_answers(N, skill=0.45), labels(N), questions(N), TASKS)
    schemas.predictions(marked)
    assert marked.equals(before)
    assert marked.filter(pl.col("key").is_null())["correct"].any() is False
    assert marked["correct"].null_count() == 0


def test_any_accepted_answer_is_correct() -> None:
    accepting = labels(1).with_columns(answers=pl.lit(["no idea", "1,000", "7"]))
    answers = evaluation_answers(1, skill=0.5).filter(pl.col("task") == "mini_gsm")
    answers = answers.with_columns(key=pl.Series(["num:7", "num:1000", None]))
    marked = mark_predictions(answers, accepting, questions(1), TASKS)
    assert marked["correct"].to_list() == [True, True, False]


def test_a_question_without_a_readable_label_is_refused() -> None:
    answers = evaluation_answers(2, skill=0.5)
    first = pl.col("question_id") == answers[0, "question_id"]
    empty = pl.lit([], dtype=pl.List(pl.String))
    emptied = labels(2).with_columns(answers=pl.when(first).then(empty).otherwise("answers"))
    for known in (emptied, labels(2).filter(~first)):
        with pytest.raises(ValueError, match=rf"no readable .* {answers[0, 'question_id']}"):
            mark_predictions(answers, known, questions(2), TASKS)


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
            ValueError, match=r"mini_arc, self_consistency: .* of arm base of round 0 alone"
        ):
            compare(*pair, TASKS)


def test_compare_refuses_different_decodings(before: pl.DataFrame, after: pl.DataFrame) -> None:
    """The paper's raised temperature after training is a row of its own, measured before it too."""
    raised = after.with_columns(
        decoding=pl.when(mode="self_consistency").then(pl.lit("m=8 T=1.2")).otherwise("decoding")
    )
    with pytest.raises(
        ValueError, match=r"base of round 0 and arm vote of round 1 .* 'm=1' and 'm=8 T=1\.2'"
    ):
        compare(before, raised, TASKS)


def test_a_decoding_is_told_by_all_that_changes_it() -> None:
    evaluation = EvaluationParams(
        modes=list(FORMATS), greedy_questions=9, voted_questions=5, m=8,
        temperature=0.7, raised_temperature=1.2, label_precision=0.9, max_new_tokens=64, seed=2,
    )  # fmt: skip
    sets = {"sums": [Exemplar(question="1 + 1?", rationale="It is 2.", answer="2")]}
    others = {"sums": [Exemplar(question="1 + 2?", rationale="It is 3.", answer="3")]}
    model = Model(Path("model"), "digest")
    decodings = {mode: decoding(mode, evaluation, model) for mode in FORMATS}
    assert {mode: (d[0].temperature, d[1], d[2]) for mode, d in decodings.items()} == {
        **dict.fromkeys(FORMATS, (0, 1, 9)),
        "self_consistency": (0.7, 8, 5),
        "self_consistency_raised": (1.2, 8, 5),
    }
    sampled, m, _ = decodings["self_consistency"]
    raised, *_ = decodings["self_consistency_raised"]
    told = {
        fingerprint("few_shot_cot", sets, sampled, m),
        fingerprint("few_shot_direct", sets, sampled, m),
        fingerprint("few_shot_cot", sets, raised, m),
        fingerprint("few_shot_cot", sets, sampled, 4),
        fingerprint("few_shot_cot", sets, sampled.model_copy(update={"seed": 3}), m),
        fingerprint("few_shot_cot", others, sampled, m),
    }
    assert len(told) == 6
    zero_shot = {fingerprint("zero_shot_cot", shots, sampled, m) for shots in (sets, others)}
    assert len(zero_shot) == 1


def test_every_mode_decides_by_its_own_paths() -> None:
    """Two voted modes of one question are two votes; a lone path has no confidence."""
    made = evaluation_readings(3, skill=0.5)
    voted = made.filter(mode="self_consistency")
    flipped = voted.with_columns(mode=pl.lit("self_consistency_raised"), key=pl.lit("num:-1"))
    evaluation = EvaluationParams(
        modes=list(FORMATS), greedy_questions=3, voted_questions=3, m=8,
        temperature=0.7, raised_temperature=1.2, label_precision=0.9, max_new_tokens=64, seed=1,
    )  # fmt: skip
    decided = decide_answers(pl.concat([made, flipped]), evaluation, round=0, arm="base")
    schemas.evaluation_answers(decided)
    expected = evaluation_answers(3, skill=0.5).sort("mode", "question_id")
    own = decided.filter(pl.col("mode") != "self_consistency_raised").sort("mode", "question_id")
    assert own.select("question_id", "mode", "key").equals(
        expected.select("question_id", "mode", "key")
    )
    raised = decided.filter(mode="self_consistency_raised")
    assert raised.height == 9
    assert (raised["key"] == "num:-1").all()
    assert (raised["confidence"] == 1).all()
    assert decided.filter(mode="cot_greedy")["confidence"].null_count() == 9


def test_curves_end_in_the_vote_and_begin_with_one_path() -> None:
    """maj@m is the vote's accuracy, maj@1 = pass@1 the share of right paths; both by brute force."""
    made, tasks = evaluation_readings(N, skill=0.45), TASKS
    curves = measure_curves(made, labels(N), questions(N), tasks)
    votes = predictions(N, skill=0.45).filter(
        pl.col("mode") == "self_consistency", pl.col("task").is_in(tasks.in_domain)
    )
    assert curves["k"] == [1, 2, 4, 8]
    assert curves["questions"] == 2 * N
    assert curves["maj"][-1] == pytest.approx(votes["correct"].mean())
    assert curves["maj"][0] == pytest.approx(curves["pass"][0])
    assert curves["pass"] == sorted(curves["pass"])
    voted = made.filter(
        pl.col("mode") == "self_consistency", pl.col("task").is_in(tasks.in_domain)
    ).join(accepted_keys(labels(N), questions(N), tasks), on="question_id")
    right = voted.select(pl.col("accepted").list.contains(pl.col("key"))).to_series()
    assert curves["pass"][0] == pytest.approx(right.fill_null(False).mean())


def test_p_values_are_corrected_over_tasks(before: pl.DataFrame, after: pl.DataFrame) -> None:
    rows = [modes["cot_greedy"] for modes in compare(before, after, TASKS)["tasks"].values()]
    assert [row["p_holm"] for row in rows] == holm([row["p_value"] for row in rows])


def test_compare_refuses_mixed_models(before: pl.DataFrame, after: pl.DataFrame) -> None:
    mixed = after.with_columns(seed=pl.int_range(pl.len()) % 2)
    with pytest.raises(ValueError, match="predictions of 2 models"):
        compare(before, mixed, TASKS)


def test_a_task_without_held_out_questions_has_no_row(
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


def test_calibration_of_the_vote(before: pl.DataFrame) -> None:
    found = calibrate(before, TASKS.in_domain)
    assert found is not None
    assert found["n"] == sum(b["n"] for b in found["bins"]) == 2 * N
    assert found["bins"][-1]["accuracy"] > found["bins"][0]["accuracy"]
    greedy = before.filter(pl.col("mode") == "cot_greedy")
    assert calibrate(greedy, TASKS.in_domain) is None


def paths_wanted(m: int, early_stop: float | None = None) -> PathParams:
    sampling = Sampling(temperature=0.7, max_new_tokens=8, seed=1)
    return PathParams(m=m, sampling=sampling, questions_per_task=9, early_stop=early_stop)


def test_early_stop_is_reported_and_its_confidences_are_in_no_mean() -> None:
    """a was stopped after 2 of 4 paths; b has all, and is all that the mean confidence knows."""
    readings = pl.DataFrame(
        {"question_id": list("aabbbb"), "content": [1, 1, 2, 3, 4, 4], "tokens": [3, 4, 5, 5, 5, 9]}
    )
    answers = pl.DataFrame({"key": ["num:1"] * 6, "reason": ["agrees"] * 6})
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
    found = vote_statistics(votes, answers, readings, paths_wanted(4, 0.95))
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
    assert vote_statistics(votes, answers, readings, paths_wanted(2)) == {
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
