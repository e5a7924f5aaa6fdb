"""Distinguishes a collapse from a gain without labels; a model with an alarm is not promoted.

Training on its own majority can make a model give a constant answer: agreement jumps while the entropy of the
winners over questions falls (SRT, arXiv 2505.21444). The monitor watches both, as well as diversity, length and
the share of unparsable paths. support.py estimates whether a round improves the model.
"""

import logging
from collections.abc import Iterable
from typing import Any

import polars as pl

from lmsi_kedro import kernels, statistics
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.evaluation.curves import measure_curves
from lmsi_kedro.params import EngineParams, MonitorParams, PathParams, VotingParams
from lmsi_kedro.pipelines.monitoring.support import Change, check_labeled, compare_support, in_words
from lmsi_kedro.reading import read_answers
from lmsi_kedro.stopped import StoppedError
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.questions import exemplar_sets, spread

log = logging.getLogger(__name__)
Health = dict[str, dict[str, float]]  # task -> signal -> value (docs/metrics.md)


def plan_monitor_paths(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    path_params: PathParams,
    monitor: MonitorParams,
    engine: EngineParams,
) -> Plan:
    """Plans a few paths for the probe questions of every in-domain task, or for unlabeled ones if a task has none.

    The last path, with index m, is the greedy one. Probe questions are neither trained on nor held out; the
    unlabeled ones are trained on. No labels are used here.
    """
    sampling = path_params.sampling.of(model)
    greedy = sampling.model_copy(update={"temperature": 0.0})
    plan = Plan(model.path, model.digest, engine)
    for name in tasks.in_domain:
        own = questions.filter(task=name)
        probe = own.filter(split="probe")
        examined = (own.filter(split="unlabeled") if probe.is_empty() else probe).head(
            monitor.questions_per_task
        )
        sets = exemplar_sets(exemplars, tasks[name])
        plan.add_all(spread(examined, "few_shot_cot", sets, monitor.m, tasks[name]), sampling)
        last = range(monitor.m, monitor.m + 1)
        for exemplar_set, _, prompts in spread(examined, "few_shot_cot", sets, 1, tasks[name]):
            plan.add(prompts, last, greedy, {"exemplar_set": exemplar_set})
    return plan


def read_monitor_answers(
    paths: Iterable[pl.DataFrame],
    questions: pl.DataFrame,
    tasks: Tasks,
    voting: VotingParams,
    monitor: MonitorParams,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parses the m sampled paths (monitor_readings) and the greedy path of each question (greedy_readings)."""
    readings = read_answers(paths, questions, tasks, voting)
    sampled = pl.col("path") < monitor.m
    return readings.filter(sampled), readings.filter(~sampled)


def examine_paths(readings: pl.DataFrame) -> Health:
    """Measures the signals of every task: statistics of a model's paths and votes."""
    return {
        str(task): signals(rows)
        for (task,), rows in sorted(readings.partition_by("task", as_dict=True).items())
    }


def signals(readings: pl.DataFrame) -> dict[str, float]:
    """Measures the signals of one task.

    agreement and unreadable (unparsable) are shares of paths; winner_entropy is in bits, over questions.
    """
    offsets = readings.group_by("question_id", maintain_order=True).len()["len"].cum_sum()
    votes = kernels.count_votes(readings["key"], [0, *offsets])
    winners = votes["key"].drop_nulls()
    share = pl.col("content").n_unique() / pl.len()
    distinct = readings.group_by("question_id", maintain_order=True).agg(share)["content"]
    return {
        "questions": votes.height,
        "agreement": float(votes["confidence"].mean()),  # type: ignore[arg-type]
        "winner_entropy": statistics.entropy(winners),
        "distinct_paths": float(distinct.mean()),  # type: ignore[arg-type]
        "tokens_per_path": float(readings["tokens"].mean()),  # type: ignore[arg-type]
        "unreadable": readings["key"].null_count() / readings.height,
    }


def examine_probe(
    readings: pl.DataFrame, labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks
) -> Health:
    """Measures the signals, the accuracy of the vote, and pass@m - maj@m, for `guard=probe`.

    This uses labels; raises ValueError for a question without one.
    """
    check_labeled(readings, labels)
    health = examine_paths(readings)
    modes = readings.with_columns(mode=pl.lit("self_consistency"))
    for name in tasks.in_domain:
        only = Tasks({name: tasks[name]})
        labeled = labels.join(questions.filter(task=name), on="question_id", how="semi")
        curves = measure_curves(modes.filter(task=name), labeled, questions, only)
        health[name] |= {
            "accuracy": curves["maj"][-1],
            "headroom": curves["pass"][-1] - curves["maj"][-1],
        }
    return health


def judge(before: Health, after: Health, monitor: MonitorParams) -> list[str]:
    """Describes every signal of a task that exceeds its limit; an empty list means healthy.

    Agreement is expected to rise. A rise is an alarm only if the winners' entropy also falls at least halfway to
    its limit, since the paths then agree on ever fewer answers.
    """
    limits = {
        "winner_entropy": (monitor.min_winner_entropy, None),
        "distinct_paths": (monitor.min_distinct_paths, None),
        "tokens_per_path": (monitor.min_length, monitor.max_length),
    }
    alarms = []
    for task, was in before.items():
        now = after[task]
        for signal, (low, high) in limits.items():
            if now[signal] < low * was[signal] or (high and now[signal] > high * was[signal]):
                alarms.append(f"{task}: {signal} {was[signal]:.2f} -> {now[signal]:.2f}")
        consensus = now["agreement"] - was["agreement"] > monitor.max_agreement_rise
        halfway = (1 + monitor.min_winner_entropy) / 2
        if consensus and now["winner_entropy"] < halfway * was["winner_entropy"]:
            alarms.append(f"{task}: agreement {was['agreement']:.2f} -> {now['agreement']:.2f}")
        if now["unreadable"] > was["unreadable"] + monitor.max_unreadable_rise:
            alarms.append(f"{task}: unreadable {was['unreadable']:.2f} -> {now['unreadable']:.2f}")
        if "accuracy" in now and now["accuracy"] < was["accuracy"] - monitor.max_accuracy_fall:
            alarms.append(
                f"{task}: accuracy on the probe {was['accuracy']:.2f} -> {now['accuracy']:.2f}"
            )
    return alarms


def promote_candidate(
    candidate: Model,
    previous: Model,
    health_before: Health,
    health_candidate: Health,
    support_before: pl.DataFrame,
    support_candidate: pl.DataFrame,
    monitor: MonitorParams,
    round_number: int = 1,
) -> tuple[Model, Health, pl.DataFrame, dict[str, Any]]:
    """Returns the candidate or the previous model, its health and support, and the verdict.

    Raises StoppedError after an alarm with `monitor.on_alarm: stop`; nothing computed is lost. A doubt is not an
    alarm: it is logged, and with `later_rounds_must_gain` the loop continues with the previous model.
    """
    change = compare_support(support_before, support_candidate)
    alarms = judge(health_before, health_candidate, monitor) + fall(change, monitor)
    if alarms and monitor.on_alarm == "stop":
        raise stopped(alarms)
    doubts = [] if alarms else doubt(change, round_number)
    rejected = alarms or (doubts if monitor.later_rounds_must_gain else [])
    for reason in (*alarms, *doubts):
        log.warning("Round %d is %spromoted: %s", round_number, "not " if rejected else "", reason)
    verdict = {
        "promoted": not rejected,
        "alarms": alarms,
        "doubts": doubts,
        "support": change,
        "before": health_before,
        "candidate": health_candidate,
    }
    if rejected:
        return previous, health_before, support_before, verdict
    return candidate, health_candidate, support_candidate, verdict


def fall(change: Change, monitor: MonitorParams) -> list[str]:
    """Returns an alarm if the whole interval of the change in support is a loss beyond the limit."""
    lost = change["high"] < -monitor.max_support_fall
    return [f"all tasks: {in_words(change)}"] if lost else []


def stopped(alarms: list[str]) -> StoppedError:
    """Returns the error that ends a run after an alarm."""
    return StoppedError(
        f"the collapse monitor stopped the run: {'; '.join(alarms)}. The previous model is the result; run the"
        " same command with --params=monitor.on_alarm=roll_back to continue from it to the report, or change"
        " the monitor's limits"
    )


def doubt(change: Change, round_number: int) -> list[str]:
    """Returns a doubt if a round after the first shows no gain; the first round is not required to show one."""
    if round_number == 1 or change["low"] > 0:
        return []
    return [f"the monitor sees no gain ({in_words(change)})"]
