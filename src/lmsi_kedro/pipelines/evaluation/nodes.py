"""Plans the evaluation of a model, marks its answers against the labels, and compares two models.

Labels are read here and nowhere else.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from lmsi_kedro import kernels, statistics
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, EvaluationParams, Format, Sampling, VotingParams
from lmsi_kedro.pipelines.sampling.nodes import exemplars_of, prompts_of
from lmsi_kedro.pipelines.voting.nodes import count_votes
from lmsi_kedro.tasks import Kind, Tasks

Metrics = dict[str, Any]  # docs/metrics.md

MODES = ("standard", "cot_greedy", "self_consistency")


def plan_evaluation(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    evaluation: EvaluationParams,
    engine: EngineParams,
) -> Plan:
    """Held-out questions of every task in the modes of the paper; the same for every model."""
    plan = Plan(model.path, model.digest, engine)
    greedy = Sampling(temperature=0, max_new_tokens=evaluation.max_new_tokens, seed=evaluation.seed)
    sampled = greedy.model_copy(update={"temperature": evaluation.temperature})
    modes: list[tuple[str, Format, Sampling, int, int]] = [
        ("standard", "few_shot_direct", greedy, 1, evaluation.greedy_questions),
        ("cot_greedy", "few_shot_cot", greedy, 1, evaluation.greedy_questions),
        ("self_consistency", "few_shot_cot", sampled, evaluation.m, evaluation.voted_questions),
    ]
    for name, task in tasks.root.items():
        shots = exemplars_of(exemplars, task)
        held_out = questions.filter(task=name, split="held_out")
        for mode, format, sampling, m, count in modes:
            prompts = prompts_of(held_out.head(count), format, shots)
            columns = {"exemplar_set": task.exemplar_set or "none", "mode": mode}
            plan.add(prompts, m, sampling, columns)
    return plan


def decide_answers(
    readings: pl.DataFrame, evaluation: EvaluationParams, round: int, arm: str
) -> pl.DataFrame:
    """One answer per question and mode: the greedy path's, or the vote's (a tie has no key)."""
    greedy = readings.filter(pl.col("mode") != "self_consistency")
    voted = readings.filter(pl.col("mode") == "self_consistency")
    votes = count_votes(voted, VotingParams(rule="trigger", ties="abstain", min_confidence=0))
    asked = voted.select("question_id", "task", "mode").unique()
    columns = ["question_id", "task", "mode", "key", "confidence"]
    answers = pl.concat(
        [
            greedy.with_columns(confidence=pl.lit(None, pl.Float64)).select(columns),
            votes.join(asked, on="question_id").select(columns),
        ]
    )
    return answers.with_columns(
        round=pl.lit(round, pl.Int32), arm=pl.lit(arm), seed=pl.lit(evaluation.seed, pl.Int64)
    )


def accepted_keys(labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """question_id, accepted: the keys of every accepted answer that can be read."""
    asked = labels.join(questions.select("question_id", "task", "choices"), on="question_id")
    written = asked.explode("answers").partition_by("task", as_dict=True)
    read = (_read(rows, tasks[str(task)].kind) for (task,), rows in written.items())
    return (
        pl.concat(read)
        .group_by("question_id", maintain_order=True)
        .agg(pl.col("accepted").drop_nulls())
    )


def _read(rows: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    choices = rows["choices"].to_list() if kind == "choice" else None
    keys = kernels.canonical_keys(rows["answers"], kind, choices)
    return rows.select("question_id", accepted=keys)


def mark_predictions(
    evaluation_answers: pl.DataFrame,
    labels: pl.DataFrame,
    questions: pl.DataFrame,
    tasks: Tasks,
) -> pl.DataFrame:
    """predictions: an answer is correct iff its key is among the accepted ones; no key is wrong."""
    accepted = accepted_keys(labels, questions, tasks)
    marked = evaluation_answers.join(accepted, on="question_id", how="left", maintain_order="left")
    unlabeled = marked.filter(pl.col("accepted").list.len().fill_null(0) == 0)
    if unlabeled.height:
        first = unlabeled["question_id"][0]
        raise ValueError(f"labels: no readable accepted answer for the evaluated question {first}")
    correct = pl.col("key").is_not_null() & pl.col("accepted").list.contains(pl.col("key"))
    origin = ("round", "arm", "seed", "mode")
    return marked.with_columns(correct=correct).select(
        "question_id", "task", *origin, "key", "correct", "confidence"
    )


def compare(before: pl.DataFrame, after: pl.DataFrame, tasks: Tasks) -> Metrics:
    """Accuracy of two models by task and mode and pooled over in-domain tasks; vote calibration."""
    pairs, in_domain = _pair(before, after), tasks.in_domain
    missing = sorted(set(in_domain) - set(pairs["task"]))
    if missing:
        raise ValueError(f"no predictions for in-domain tasks {missing}")
    out_of_domain = sorted(set(pairs["task"]) - set(in_domain))
    return {
        "before": _origin(before),
        "after": _origin(after),
        "in_domain": in_domain,
        "tasks": {
            task: _by_mode(pairs.filter(pl.col("task") == task))
            for task in [*in_domain, *out_of_domain]
        },
        "pooled": _by_mode(pairs.filter(pl.col("task").is_in(in_domain))),
        "calibration": {
            "before": calibrate(before, in_domain),
            "after": calibrate(after, in_domain),
        },
    }


def _pair(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """task, mode, question_id, before, after; refuses models asked different questions."""
    keys = ["task", "mode", "question_id"]
    left = before.select(*keys, before="correct")
    right = after.select(*keys, after="correct")
    pairs = left.join(right, on=keys, how="full", coalesce=True, validate="1:1").sort(keys)
    alone = pairs.filter(pl.col("before").is_null() | pl.col("after").is_null())
    if alone.height:
        task, mode, _, *_ = alone.row(0)
        raise ValueError(f"{task}, {mode}: before and after were asked different questions")
    return pairs


def _origin(predictions: pl.DataFrame) -> dict[str, Any]:
    """The one model that made these predictions."""
    origins = predictions.select("round", "arm", "seed").unique()
    if origins.height != 1:
        raise ValueError(f"predictions of {origins.height} models where one is expected")
    return origins.row(0, named=True)


def _by_mode(pairs: pl.DataFrame) -> Metrics:
    present = set(pairs["mode"])
    known = [mode for mode in MODES if mode in present]
    return {
        mode: _paired(pairs.filter(pl.col("mode") == mode))
        for mode in known + sorted(present - set(known))
    }


def _paired(pairs: pl.DataFrame) -> Metrics:
    n = pairs.height
    gained = int((~pairs["before"] & pairs["after"]).sum())
    lost = int((pairs["before"] & ~pairs["after"]).sum())
    interval = statistics.bootstrap_delta(gained, lost, n)
    return {
        "before": _accuracy(int(pairs["before"].sum()), n),
        "after": _accuracy(int(pairs["after"].sum()), n),
        "delta": (gained - lost) / n,
        "delta_low": interval.low,
        "delta_high": interval.high,
        "p_value": statistics.mcnemar(gained, lost),
        "wrong_to_right": gained,
        "right_to_wrong": lost,
    }


def _accuracy(correct: int, n: int) -> Metrics:
    return {"accuracy": correct / n, **statistics.wilson(correct, n)._asdict(), "n": n}


def calibrate(predictions: pl.DataFrame, tasks: Sequence[str]) -> Metrics | None:
    """Does a vote's confidence tell how often it is right (paper, figure 2)? None without votes."""
    voted = predictions.filter(pl.col("confidence").is_not_null(), pl.col("task").is_in(tasks))
    if voted.is_empty():
        return None
    confidence, correct = voted["confidence"].to_numpy(), voted["correct"].to_numpy()
    bins = statistics.reliability(confidence, correct)
    return {
        "n": voted.height,
        "ece": statistics.expected_calibration_error(bins),
        "brier": statistics.brier(confidence, correct),
        "bins": [b._asdict() for b in bins],
    }


def vote_statistics(votes: pl.DataFrame, answers: pl.DataFrame, paths: pl.DataFrame) -> Metrics:
    """What the votes of a round look like, without labels. Entropy of the winners is in bits."""
    winners = votes["key"].drop_nulls()
    distinct = paths.group_by("question_id").agg(pl.col("text").n_unique())["text"]
    return {
        "votes": {
            "questions": votes.height,
            "decided": winners.len(),
            "tied": int((votes["tied"].list.len() > 1).sum()),
            "kept": int(votes["kept"].sum()),
            "unreadable": answers["key"].null_count() / answers.height,
            "confidence": votes["confidence"].mean(),
            "winner_entropy": winners.value_counts()["count"].entropy(base=2),
            "distinct_paths": distinct.mean(),
            "tokens_per_path": paths["tokens"].mean(),
        },
        "sampling": {"paths": paths.height, "tokens": int(paths["tokens"].sum())},
    }
