"""The paper's tables and figures: its figures (in %) beside ours (shares, with 95 % intervals).

A table has `columns` and `rows`; a row has a name, `paper` (null where the paper has nothing) and `ours`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lmsi_kedro.params import Mode
from lmsi_kedro.pipelines.evaluation.calibration import calibrate
from lmsi_kedro.pipelines.reproduction import paper
from lmsi_kedro.pipelines.reproduction.contrasts import (
    Metrics,
    accuracy,
    answers,
    contrast,
    gain,
)

Models = Mapping[str, pl.DataFrame]  # predictions by model
MODES: tuple[Mode, ...] = ("standard", "cot_greedy", "self_consistency")


def arms(models: Models, names: Sequence[str], tasks: Sequence[str]) -> Metrics:
    """Accuracy of the base model, the vote and every control arm; in-domain, pooled over seeds."""
    return {
        name: {mode: accuracy(answers(models[name], mode, tasks)) for mode in MODES}
        for name in names
    }


def table(
    title: str, columns: Sequence[str], rows: Sequence[tuple[str, Any, Sequence[Metrics]]]
) -> Metrics:
    named = [{"name": name, "paper": figures, "ours": ours} for name, figures, ours in rows]
    return {"title": title, "columns": list(columns), "rows": named}


def main(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 3."""
    rows = []
    for task in tasks:
        benchmark = paper.FAMILY.get(task, "")
        for mode in MODES:
            before, after = (answers(models[name], mode, [task]) for name in ("base", "vote"))
            theirs = paper.MAIN.get(benchmark, {}).get(mode)
            name = f"{task} ({benchmark}), {mode}"
            rows.append((name, theirs, [accuracy(before), accuracy(after), gain(before, after)]))
    return table("Main results (table 3)", ["before", "after", "gain"], rows)


def out_of_domain(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 4, CoT greedy on families that training never sees."""
    rows = []
    for task in tasks:
        before, after = (answers(models[name], "cot_greedy", [task]) for name in ("base", "vote"))
        benchmark = paper.FAMILY.get(task, "")
        theirs = paper.OUT_OF_DOMAIN.get(benchmark)
        ours = [accuracy(before), accuracy(after), gain(before, after)]
        rows.append((f"{task} ({benchmark})", theirs, ours))
    return table("Out of domain, CoT (table 4)", ["before", "after", "gain"], rows)


def formats(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 5: which of the four formats were trained on."""
    names = {
        "base": "none",
        "direct_only": "direct only",
        "few_shot_cot_only": "few-shot CoT only",
        "vote": "all four",
    }
    rows = [
        (
            shown,
            paper.FORMATS[name],
            [accuracy(answers(models[name], mode, tasks)) for mode in MODES[:2]],
        )
        for name, shown in names.items()
    ]
    return table("Formats (table 5)", ["standard", "CoT"], rows)


def temperature(before: pl.DataFrame, after: Mapping[float, pl.DataFrame]) -> Metrics:
    """Self-consistency after training by temperature (section 5); the first row is the model before."""
    first = next(iter(after))
    rows = [(f"before, T = {first}", None, [accuracy(answers(before, "self_consistency"))])]
    rows += [
        (f"after, T = {heat}", None, [accuracy(answers(made, "self_consistency"))])
        for heat, made in after.items()
    ]
    return table("Temperature of self-consistency", ["accuracy"], rows)


def equal_compute(models: Models) -> Metrics:
    """The untrained model's vote, with the paths that the compute of a round pays for."""
    untrained = answers(models["untrained"], "self_consistency")
    greedy = answers(models["vote"], "cot_greedy").join(
        untrained, on=["seed", "question_id"], how="semi"
    )
    ours = [accuracy(untrained), accuracy(greedy), contrast([(1, greedy), (-1, untrained)])]
    columns = ["untrained vote", "trained, greedy", "difference"]
    return table("The compute of a round without training", columns, [("in-domain", None, ours)])


def distillation(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 7, and the smaller model's own round: what each learns from."""
    before = answers(models["student"], "cot_greedy", tasks)
    rows = []
    for name, shown in (("student_vote", "its own paths"), ("distilled", "the larger model's")):
        after = answers(models[name], "cot_greedy", tasks)
        theirs = paper.DISTILLED["student"] if name == "distilled" else None
        rows.append((shown, theirs, [accuracy(before), accuracy(after), gain(before, after)]))
    return table("The smaller model, CoT (table 7)", ["before", "after", "gain"], rows)


def paths(curves: Mapping[str, pl.DataFrame]) -> Metrics:
    """Figure 3: accuracy of the vote by the number of paths, and pass@k."""
    means = {
        name: curve.group_by("k").agg(pl.col("maj", "pass").mean()).sort("k")
        for name, curve in curves.items()
    }
    return {
        "title": "Number of paths (figure 3)",
        "k": next(iter(means.values()))["k"].to_list(),
        "curves": {
            name: {share: mean[share].to_list() for share in ("maj", "pass")}
            for name, mean in means.items()
        },
    }


def calibration(models: Models, tasks: Sequence[str]) -> Metrics:
    """Figure 2: accuracy of the vote by its confidence."""
    votes = {
        "before": calibrate(models["base"], tasks),
        "after": calibrate(models["vote"], tasks),
    }
    return {"title": "Calibration (figure 2)", "votes": votes}
