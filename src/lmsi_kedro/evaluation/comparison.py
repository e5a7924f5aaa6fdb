"""Compares the predictions of two models, and describes votes without labels."""

from typing import Any

import polars as pl

from lmsi_kedro import schemas, statistics
from lmsi_kedro.evaluation.calibration import calibrate
from lmsi_kedro.evaluation.decoding import FORMATS
from lmsi_kedro.params import Mode, PathParams
from lmsi_kedro.tasks import Tasks

Metrics = dict[str, Any]  # docs/metrics.md

MODES: tuple[Mode, ...] = tuple(FORMATS)


def compare(before: pl.DataFrame, after: pl.DataFrame, tasks: Tasks) -> Metrics:
    """Compares the accuracy of two models, by task and mode and pooled, and the calibration of their votes.

    Tasks without labeled held-out questions have no row; if no task has any, nothing is compared.
    """
    pairs = _pair(before, after)
    in_domain = [name for name in tasks.in_domain if name in set(pairs["task"])]
    out_of_domain = sorted(set(pairs["task"]) - set(in_domain))
    by_task = {
        task: _by_mode(pairs.filter(pl.col("task") == task))
        for task in [*in_domain, *out_of_domain]
    }
    return {
        "before": _origin(before),
        "after": _origin(after),
        "in_domain": in_domain,
        "tasks": adjusted(by_task),
        "pooled": _by_mode(pairs.filter(pl.col("task").is_in(in_domain))),
        "calibration": {
            "before": calibrate(before, in_domain),
            "after": calibrate(after, in_domain),
        },
    }


def _pair(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Joins the predictions of two models; raises ValueError if their questions or decoding differ."""
    keys = ["task", "mode", "question_id"]
    left = before.select(*keys, "decoding", before="correct")
    right = after.select(*keys, "decoding", after="correct")
    pairs = left.join(
        right, on=keys, how="full", coalesce=True, validate="1:1", maintain_order="left_right"
    ).sort(keys)
    alone = pairs.filter(pl.col("before").is_null() | pl.col("after").is_null())
    if alone.height:
        row = alone.row(0, named=True)
        only = after if row["before"] is None else before
        raise ValueError(
            f"{row['task']}, {row['mode']}: {_name(before)} and {_name(after)} have different questions; "
            f"only {_name(only)} has {row['question_id']}"
        )
    other = pairs.filter(pl.col("decoding") != pl.col("decoding_right"))
    if other.height:
        row = other.row(0, named=True)
        raise ValueError(
            f"{row['task']}, {row['mode']}: {_name(before)} and {_name(after)} were decoded differently, "
            f"{row['decoding']!r} and {row['decoding_right']!r}"
        )
    return pairs


def _name(predictions: pl.DataFrame) -> str:
    """Returns the name of the model with these predictions, for messages."""
    if predictions.is_empty():
        return "the model without predictions"
    return "arm {arm} of round {round}".format(**predictions.row(0, named=True))


def _origin(predictions: pl.DataFrame) -> dict[str, Any] | None:
    """Returns the model that made these predictions, None if there are none; raises ValueError for several."""
    if predictions.is_empty():
        return None
    origins = predictions.select("round", "arm", "seed").unique(maintain_order=True)
    if origins.height != 1:
        raise ValueError(f"predictions of {origins.height} models where one is expected")
    return origins.row(0, named=True)


def _by_mode(pairs: pl.DataFrame) -> Metrics:
    present = set(pairs["mode"])
    return {mode: paired(pairs.filter(mode=mode)) for mode in MODES if mode in present}


def paired(pairs: pl.DataFrame) -> Metrics:
    """Computes a row of docs/metrics.md from the columns `before` and `after`, which say what was correct."""
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


def adjusted(by_task: Metrics) -> Metrics:
    """Adds p_holm to the rows: p-values with Holm's correction over the tasks of the same mode."""
    for mode in MODES:
        rows = [modes[mode] for modes in by_task.values() if mode in modes]
        corrected = statistics.holm([row["p_value"] for row in rows])
        for row, p in zip(rows, corrected, strict=True):
            row["p_holm"] = p
    return by_task


def describe_votes(
    votes: pl.DataFrame, answers: pl.DataFrame, readings: pl.DataFrame, path_params: PathParams
) -> Metrics:
    """Computes statistics of a round's votes without labels; entropies are in bits.

    The mean confidence excludes questions on which sampling stopped early, because their confidence is biased.
    """
    whole = votes.filter(pl.col("paths") == path_params.m)
    winners = votes["key"].drop_nulls()
    by_question = readings.group_by("question_id", maintain_order=True)
    distinct = by_question.agg(pl.col("content").n_unique())["content"]
    return {
        "votes": {
            "questions": votes.height,
            "decided": winners.len(),
            "tied": int((votes["tied"].list.len() > 1).sum()),
            "kept": int(votes["kept"].sum()),
            "unreadable": answers["key"].null_count() / answers.height,
            "confidence": whole["confidence"].mean(),
            "winner_entropy": statistics.entropy(winners),
            "distinct_paths": distinct.mean(),
            "tokens_per_path": readings["tokens"].mean(),
            **found_by_reader(answers),
        },
        "funnel": {"questions": _funnel(votes, "winner"), "paths": _funnel(answers, "agrees")},
        "sampling": {"paths": readings.height, "tokens": int(readings["tokens"].sum())}
        | (
            {"early_stop": saved_by_early_stop(votes, readings, path_params)}
            if path_params.early_stop
            else {}
        ),
    }


def found_by_reader(answers: pl.DataFrame) -> Metrics:
    """Counts the paths whose answer the reader found, and how many of these are kept; empty if there are none."""
    found = answers.filter(rule=schemas.READER)
    if found.is_empty():
        return {}
    return {"reader": {"filled": found.height, "kept": int((found["reason"] == "agrees").sum())}}


def saved_by_early_stop(
    votes: pl.DataFrame, readings: pl.DataFrame, path_params: PathParams
) -> Metrics:
    """Computes what early stopping saved; tokens are estimated from the mean length of a question's paths."""
    by_question = readings.group_by("question_id", maintain_order=True)
    stopped = votes.filter(pl.col("paths") < path_params.m).join(
        by_question.agg(pl.col("tokens").mean()), on="question_id", maintain_order="left"
    )
    spare = path_params.m - stopped["paths"]
    return {
        "confidence": path_params.early_stop,
        "questions": stopped.height,
        "paths": int(spare.sum()),
        "tokens": round((spare * stopped["tokens"]).sum()),
    }


def _funnel(table: pl.DataFrame, kept: str) -> dict[str, int]:
    """Counts the rows that were dropped for each reason, and those kept; together they are all rows."""
    counts = statistics.counts(table["reason"])
    return {
        "all": table.height,
        **{r: n for r, n in counts.items() if r != kept},
        "kept": counts.get(kept, 0),
    }
