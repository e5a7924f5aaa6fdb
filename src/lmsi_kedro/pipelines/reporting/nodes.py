"""Gathers what the rounds measured into metrics.json, and chooses what the report shows.

Computes no statistic of its own: those are in the metrics of the rounds and of the control arm.
"""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import plotly.graph_objects as go
import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.comparison import Metrics
from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.params import Arm, Guard
from lmsi_kedro.report.card import card
from lmsi_kedro.report.render import render
from lmsi_kedro.statistics import SURE
from lmsi_kedro.tasks import Tasks

OUTCOMES = {
    (False, True): "wrong → right",
    (True, True): "right → right",
    (False, False): "wrong → wrong",
    (True, False): "right → wrong",
}
OUTCOME = pl.Enum(list(OUTCOMES.values()))  # sorts as listed
SHOWN_PER_OUTCOME = 2
VERSIONS = ("lmsi-kedro", "torch", "transformers", "deepspeed", "polars")


def describe_round(
    metrics: Metrics,
    step: Metrics,
    vote_statistics: Metrics,
    leaks: Metrics,
    monitor: Metrics,
    curves_before: Metrics,
    curves_after: Metrics,
    round: int,
) -> Metrics:
    """One entry of `rounds`: what the round's model reached, its step from the model before, its votes."""
    return {
        "round": round,
        **metrics,
        "step": step["pooled"],
        "monitor": monitor,
        "leaks": leaks,
        "curves": {"before": curves_before, "after": curves_after},
        **vote_statistics,
    }


def gather_controls(*measured: Any, arms: Sequence[Arm]) -> Metrics:
    """controls: base against each arm; vote_over: each arm against the vote of round 1; equal_compute.

    measured is these comparisons in that order; the last one, which self_improve does not make, may be absent.
    """
    over_base, vote_over = measured[: len(arms)], measured[len(arms) : 2 * len(arms)]
    return {
        "controls": dict(zip(arms, over_base, strict=True)),
        "vote_over": dict(zip(arms, vote_over, strict=True)),
        "equal_compute": next(iter(measured[2 * len(arms) :]), {}),
    }


def summarise(
    controls: Metrics, label_precision: Metrics, guard: Guard, *rounds: Metrics
) -> Metrics:
    """metrics.json: the last round against the base, and round 1 against its control arms."""
    bases = [measured["before"] for measured in [*rounds, *controls["controls"].values()]]
    if any(base != bases[0] for base in bases):
        raise ValueError("rounds and controls must be compared with the same base model")
    return {
        "headline": {**_headline(rounds, controls), "guard": guard},
        "rounds": list(rounds),
        **controls,
        "label_precision": label_precision,
    }


NOTHING = dict.fromkeys(("before", "after", "delta", "delta_low", "delta_high", "p_value"))
WITHOUT_VOTE = (
    "random",
    "shuffled",
)  # a gain is the vote's if these do less; the other arms vary something else


def _headline(rounds: Sequence[Metrics], controls: Metrics) -> Metrics:
    """CoT greedy, pooled; without labeled held-out questions nothing is measured, so nothing is claimed."""
    if "cot_greedy" not in rounds[-1]["pooled"]:
        return {**NOTHING, "n": 0, "improved": False, "beats_controls": False, "arms": {}}
    last = rounds[-1]["pooled"]["cot_greedy"]
    arms = {arm: _standing(arm, rounds[0], controls) for arm in controls["controls"]}
    return {
        "before": last["before"]["accuracy"],
        "after": last["after"]["accuracy"],
        **{name: last[name] for name in ("delta", "delta_low", "delta_high", "p_value")},
        "n": last["after"]["n"],
        "improved": last["delta"] > 0 and last["p_value"] < SURE,
        "beats_controls": all(found["beaten"] for a, found in arms.items() if a in WITHOUT_VOTE),
        "arms": arms,
    }


def _standing(arm: Arm, first: Metrics, controls: Metrics) -> Metrics:
    """An arm's gain, its share of the vote's gain in round 1, and whether the vote is better than it."""
    gain = controls["controls"][arm]["pooled"]["cot_greedy"]
    vote, contest = (
        first["pooled"]["cot_greedy"],
        controls["vote_over"][arm]["pooled"]["cot_greedy"],
    )
    return {
        "gain": gain["delta"],
        "gain_high": gain["delta_high"],
        "share": gain["delta"] / vote["delta"] if vote["delta"] > 0 else None,
        "p_value": contest["p_value"],
        "beaten": contest["delta"] > 0 and contest["p_value"] < SURE,
    }


def choose_examples(before: pl.DataFrame, after: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """question_id, outcome: the first in-domain questions of each outcome by id, which is a hash.

    Only questions with a vote before training are candidates. No one picks by looking.
    """
    in_domain = pl.col("task").is_in(tasks.in_domain)
    voted = before.filter(in_domain, pl.col("mode") == "self_consistency")
    greedy = pl.col("mode") == "cot_greedy"
    pairs = (
        before.filter(greedy)
        .join(voted, on="question_id", how="semi")
        .join(
            after.filter(greedy),
            on="question_id",
            suffix="_after",
            validate="1:1",
            maintain_order="left",
        )
        .sort("question_id")
    )
    outcomes = [OUTCOMES[pair] for pair in pairs.select("correct", "correct_after").iter_rows()]
    chosen = pairs.select("question_id", outcome=pl.Series(outcomes, dtype=OUTCOME))
    return (
        chosen.group_by("outcome", maintain_order=True)
        .head(SHOWN_PER_OUTCOME)
        .sort("outcome", "question_id")
    )


def describe_examples(
    chosen: pl.DataFrame,
    questions: pl.DataFrame,
    labels: pl.DataFrame,
    tasks: Tasks,
    readings_before: pl.DataFrame,
    readings_after: pl.DataFrame,
) -> list[dict[str, Any]]:
    """What the models wrote on the chosen questions: greedy answers, votes, and sampled paths."""
    accepted = accepted_keys(labels.join(chosen, on="question_id", how="semi"), questions, tasks)
    shown = chosen
    for table in (questions, labels, accepted):
        shown = shown.join(table, on="question_id", maintain_order="left")
    return [
        {
            **row,
            "before": _written(readings_before, row["question_id"], row["accepted"]),
            "after": _written(readings_after, row["question_id"], row["accepted"]),
        }
        for row in shown.iter_rows(named=True)
    ]


def _written(readings: pl.DataFrame, question_id: str, accepted: list[str]) -> dict[str, Any]:
    """One model's greedy path, its sampled paths, and their tally, the most frequent key first."""
    mine = readings.filter(pl.col("question_id") == question_id).sort("path")
    texts = [
        {**row, "right": row["key"] in accepted}
        for row in mine.select("mode", "text", "key").iter_rows(named=True)
    ]
    sampled = [text for text in texts if text["mode"] == "self_consistency"]
    tally = Counter(text["key"] for text in sampled).most_common()
    return {
        "greedy": next(text for text in texts if text["mode"] == "cot_greedy"),
        "sampled": sampled,
        "tally": [
            {"key": key, "votes": votes, "share": votes / len(sampled), "right": key in accepted}
            for key, votes in tally
        ],
    }


def describe_run(parameters: dict[str, Any], base: Model, tuned: Model) -> dict[str, Any]:
    """What the numbers depend on: both models' digests, the versions and every parameter."""
    return {
        "models": {"before": base.digest, "after": tuned.digest},
        "versions": {name: version(name) for name in VERSIONS},
        "parameters": parameters,
    }


def describe_model(
    metrics: Metrics, parameters: dict[str, Any], base: Model, tuned: Model, round: int
) -> str:
    """The card of a round's model: what a run of so many rounds would say of its last one."""
    rounds = metrics["rounds"][:round]
    headline = {**metrics["headline"], **_headline(rounds, metrics)}
    made = {**metrics, "rounds": rounds, "headline": headline}
    return card(made, f"model_{round}", base, tuned, parameters)


def render_report(
    metrics: Metrics,
    accuracy: go.Figure,
    calibration: go.Figure,
    curves: go.Figure,
    examples: list[dict[str, Any]],
    provenance: dict[str, Any],
    headroom: Metrics | None = None,
) -> str:
    """The self-contained page."""
    figures = {"accuracy": accuracy, "calibration": calibration, "curves": curves}
    return render(metrics, figures, examples, provenance, headroom)
