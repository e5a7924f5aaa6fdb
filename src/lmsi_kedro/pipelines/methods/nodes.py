"""Nodes that replace nodes of a round in some methods, and the nodes that make the table of results."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from lmsi_kedro import statistics
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.comparison import Metrics
from lmsi_kedro.params import Mode, Training, TrainingParams, VotingParams
from lmsi_kedro.report.words import MODE_NAMES
from lmsi_kedro.votes import count_within

SHARE, MARGIN = 0.375, 0.125  # SCRL (arXiv 2603.19880)
COMPARED: tuple[Mode, ...] = ("standard", "cot_greedy", "self_consistency")
LEARNED = {
    "base": "nothing: the base model",
    "sft": "the paths of the vote",
    "weighted": "the same, each weighted by the margin of its vote",
    "gated": f"those of votes with a share of {SHARE} and a margin of {MARGIN} or more",
    "scpo": "to prefer paths of the vote to paths of the least-voted answer",
    "random": "as many paths chosen without the vote",
    "gold": "paths whose answers match the labels",
}


def count_gated(readings: pl.DataFrame, voting: VotingParams) -> pl.DataFrame:
    """Counts the votes, and keeps the winners that pass SCRL's gate."""
    return count_within(readings, voting, SHARE, 1.0, MARGIN)


def preferring(sft_training: Training, training: TrainingParams) -> Training:
    """Changes the objective of the round's training to scpo."""
    changed = {"objective": "scpo", "preferences": training.preferences}
    return sft_training.model_copy(update=changed)


def tabulate(sft: Model, *comparisons: Metrics, names: Sequence[str]) -> Metrics:
    """Tabulates the accuracy of every model, and its difference from sft on the same questions.

    comparisons: sft (before) with each of `names` (after), pooled over in-domain tasks. p_holm: the p-value with
    Holm's correction over the models of a mode.
    """
    modes = [mode for mode in COMPARED if mode in comparisons[0]["pooled"]]
    rows = {"sft": {mode: comparisons[0]["pooled"][mode]["before"] for mode in modes}}
    for name, compared in zip(names, comparisons, strict=True):
        rows[name] = {mode: against_sft(compared["pooled"][mode]) for mode in modes}
    for mode in modes:
        corrected = statistics.holm([rows[name][mode]["p_value"] for name in names])
        for name, p in zip(names, corrected, strict=True):
            rows[name][mode]["p_holm"] = p
    budget = {name: sft.record()["params"][name] for name in ("steps", "batch_size")}
    return {"budget": budget, "in_domain": comparisons[0]["in_domain"], "methods": rows}


def against_sft(row: Metrics) -> Metrics:
    kept = ("delta", "delta_low", "delta_high", "p_value")
    return {**row["after"], **{name: row[name] for name in kept}}


def write_page(methods: Metrics) -> str:
    """Writes the table as Markdown: percent, and differences from sft in points with 95 % intervals."""
    rows = methods["methods"]
    modes = list(rows["sft"])
    budget = "{steps} steps of {batch_size}".format(**methods["budget"])
    head = ["method", "learns", *(f"{MODE_NAMES[mode]} | against sft" for mode in modes)]
    order = [name for name in LEARNED if name in rows]
    lines = [
        " | ".join([name, LEARNED[name], *(cells(rows[name][mode]) for mode in modes)])
        for name in order
    ]
    return "\n".join(
        [
            "# Methods\n",
            f"Models trained on the same stored paths, {budget}; {', '.join(methods['in_domain'])}, pooled.",
            "Accuracy in %; differences from `sft` in points, with 95 % intervals and p by Holm over the rows.",
            "Written by `kedro run --pipelines=methods`.\n",
            f"| {' | '.join(head)} |",
            "|---" * (2 + 2 * len(modes)) + "|",
            *(f"| {line} |" for line in lines),
            "",
        ]
    )


def cells(row: dict[str, Any]) -> str:
    accuracy = f"{100 * row['accuracy']:.1f}"
    if "delta" not in row:
        return f"{accuracy} | "
    delta, low, high = (100 * row[name] for name in ("delta", "delta_low", "delta_high"))
    return f"{accuracy} | {delta:+.1f} ({low:+.1f} to {high:+.1f}), p {row['p_holm']:.2g}"
