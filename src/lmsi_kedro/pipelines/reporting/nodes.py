"""Collects the metrics of the rounds and control arms in metrics.json, and renders the report."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.comparison import Metrics
from lmsi_kedro.params import Arm
from lmsi_kedro.report.card import card
from lmsi_kedro.report.render import render
from lmsi_kedro.report.words import WITHOUT_VOTE
from lmsi_kedro.statistics import SURE


def describe_round(
    metrics: Metrics,
    step: Metrics,
    vote_statistics: Metrics,
    leaks: Metrics,
    monitor: Metrics,
    curves_before: Metrics,
    curves_after: Metrics,
    round_number: int,
) -> Metrics:
    """Makes one entry of `rounds`: the results of a round's model, its gain over the previous one, its votes."""
    return {
        "round": round_number,
        **metrics,
        "step": step["pooled"],
        "monitor": monitor,
        "leaks": leaks,
        "curves": {"before": curves_before, "after": curves_after},
        **vote_statistics,
    }


def gather_controls(*measured: Any, arms: Sequence[Arm]) -> Metrics:
    """Collects the comparisons of each arm with the base model and with the vote of round 1, and equal_compute.

    measured contains these comparisons in this order; self_improve does not measure the last one.
    """
    over_base, vote_over = measured[: len(arms)], measured[len(arms) : 2 * len(arms)]
    return {
        "controls": dict(zip(arms, over_base, strict=True)),
        "vote_over": dict(zip(arms, vote_over, strict=True)),
        "equal_compute": next(iter(measured[2 * len(arms) :]), {}),
    }


def summarise(
    controls: Metrics, label_precision: Metrics, record: Metrics, *rounds: Metrics
) -> Metrics:
    """Makes metrics.json, which compares the last round with the base model, and round 1 with its control arms."""
    guard = record["parameters"]["guard"]
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


def _headline(rounds: Sequence[Metrics], controls: Metrics) -> Metrics:
    """Summarises CoT greedy, pooled; without labeled held-out questions, nothing is measured or claimed."""
    if "cot_greedy" not in rounds[-1]["pooled"]:
        return {**NOTHING, "n": 0, "improved": False, "beats_controls": False, "arms": {}}
    last = rounds[-1]["pooled"]["cot_greedy"]
    arms = {arm: _standing(arm, rounds[0], controls) for arm in controls["controls"]}
    blind = [arms[arm]["beaten"] for arm in WITHOUT_VOTE if arm in arms]
    return {
        "before": last["before"]["accuracy"],
        "after": last["after"]["accuracy"],
        **{name: last[name] for name in ("delta", "delta_low", "delta_high", "p_value")},
        "n": last["after"]["n"],
        "improved": last["delta"] > 0 and last["p_value"] < SURE,
        "beats_controls": bool(blind) and all(blind),
        "arms": arms,
    }


def _standing(arm: Arm, first: Metrics, controls: Metrics) -> Metrics:
    """Returns an arm's gain, its share of the vote's gain in round 1, and whether the vote beats the arm."""
    gain = controls["controls"][arm]["pooled"]["cot_greedy"]
    vote, contest = (
        first["pooled"]["cot_greedy"],
        controls["vote_over"][arm]["pooled"]["cot_greedy"],
    )
    return {
        "gain": gain["delta"],
        "gain_high": gain["delta_high"],
        "share": gain["delta"] / vote["delta"] if vote["delta_low"] > 0 else None,
        "p_value": contest["p_value"],
        "beaten": contest["delta"] > 0 and contest["p_value"] < SURE,
    }


def describe_model(
    metrics: Metrics, record: Metrics, base: Model, tuned: Model, round_number: int
) -> str:
    """Writes the card of a round's model, as if the run had ended after this round."""
    rounds = metrics["rounds"][:round_number]
    headline = {**metrics["headline"], **_headline(rounds, metrics)}
    made = {**metrics, "rounds": rounds, "headline": headline}
    return card(made, f"model_{round_number}", base, tuned, record["parameters"])


def render_report(
    metrics: Metrics,
    questions: pl.DataFrame,
    record: Metrics,
    headroom: Metrics | None = None,
) -> str:
    """Renders the self-contained page of the report; record: the record of the run."""
    return render(metrics, questions, record, headroom)
