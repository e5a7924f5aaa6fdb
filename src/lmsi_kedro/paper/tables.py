"""Makes the paper's tables and figures, with its values (in %) and ours (shares, with 95 % intervals).

A table has `columns` and `rows`; a row has a name, `paper` (null if the paper has no value) and `ours`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lmsi_kedro.evaluation.calibration import calibrate
from lmsi_kedro.paper import figures as paper
from lmsi_kedro.paper.contrasts import Metrics, Models, accuracy, answers, contrast, gain, maj
from lmsi_kedro.params import Mode
from lmsi_kedro.report.words import MODE_NAMES

PROMPTS = {
    "step_by_step": "none: step by step",
    "own_exemplars": "the model's own exemplars",
    "before": "exemplars of people",
}
FEW = 10  # paths, as in the paper's figure
MODES: tuple[Mode, ...] = ("standard", "cot_greedy", "self_consistency")
GAINED = ("before", "after", "gain")


def arms(models: Models, names: Sequence[str], tasks: Sequence[str]) -> Metrics:
    """Returns the accuracy of the base model, the vote and every control arm; in-domain, pooled over seeds."""
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
    """Table 3: accuracy before and after training, by task and mode."""
    rows = []
    for task in tasks:
        benchmark = paper.FAMILY.get(task, "")
        for mode in MODES:
            theirs = paper.MAIN.get(benchmark, {}).get(mode)
            shown = f"{task} ({benchmark}), {MODE_NAMES[mode]}"
            rows.append((shown, theirs, gained(models, mode, [task])))
    rows += [
        (f"in-domain, pooled, {MODE_NAMES[mode]}", None, gained(models, mode, tasks))
        for mode in MODES
    ]
    return table("Main results (table 3)", GAINED, rows)


def gained(
    models: Models, mode: Mode, tasks: Sequence[str], names: tuple[str, str] = ("base", "vote")
) -> list[Metrics]:
    """Makes the columns of GAINED from two models in one mode."""
    before, after = (answers(models[name], mode, tasks) for name in names)
    return [accuracy(before), accuracy(after), gain(before, after)]


def out_of_domain(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 4: CoT greedy on families that are not used for training."""
    rows = []
    for task in tasks:
        benchmark = paper.FAMILY.get(task, "")
        theirs = paper.OUT_OF_DOMAIN.get(benchmark)
        rows.append((f"{task} ({benchmark})", theirs, gained(models, "cot_greedy", [task])))
    return table("Out of domain, CoT (table 4)", GAINED, rows)


def formats(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 5: training on some of the four formats."""
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
    """Self-consistency after training by temperature (section 5); the first row is the model before training."""
    first = next(iter(after))
    rows = [(f"before, T = {first}", None, [accuracy(answers(before, "self_consistency"))])]
    rows += [
        (f"after, T = {t}", None, [accuracy(answers(made, "self_consistency"))])
        for t, made in after.items()
    ]
    return table("Temperature of self-consistency", ["accuracy"], rows)


def equal_compute(models: Models) -> Metrics:
    """Returns the untrained model's vote over as many paths as the compute of a round pays for."""
    untrained = answers(models["untrained"], "self_consistency")
    greedy = answers(models["vote"], "cot_greedy").join(
        untrained, on=["seed", "question_id"], how="semi"
    )
    ours = [accuracy(untrained), accuracy(greedy), contrast([(1, greedy), (-1, untrained)])]
    columns = ["untrained vote", "trained, greedy", "difference"]
    return table("The compute of a round without training", columns, [("in-domain", None, ours)])


def distillation(models: Models, tasks: Sequence[str]) -> Metrics:
    """Table 7, and the smaller model's own round, by the source of the training paths."""
    rows = [
        (shown, theirs, gained(models, "cot_greedy", tasks, ("student", name)))
        for name, shown, theirs in (
            ("student_vote", "its own paths", None),
            ("distilled", "the larger model's", paper.DISTILLED["student"]),
        )
    ]
    return table("The smaller model, CoT (table 7)", GAINED, rows)


def second_round(models: Models, tasks: Sequence[str]) -> Metrics:
    """Round 2 samples from the model of round 1 and trains the base model again; the paper has one round."""
    rows = [
        (MODE_NAMES[mode], None, gained(models, mode, tasks, ("vote_once", "second")))
        for mode in MODES
    ]
    return table("A second round: from round 1 to round 2", GAINED, rows)


def generated_questions(models: Models, tasks: Sequence[str]) -> Metrics:
    """Section 5.2: training on given and on generated questions, for one seed."""
    names = {"base_once": "none", "generated": "the model's own", "vote_once": "given"}
    rows = [
        (
            shown,
            paper.GENERATED_QUESTIONS[name.removesuffix("_once")],
            [accuracy(answers(models[name], mode, tasks)) for mode in MODES[1:]],
        )
        for name, shown in names.items()
    ]
    return table("Generated questions (section 5.2)", ["CoT", "self-consistency"], rows)


def generated_prompts(curves: Mapping[str, pl.DataFrame]) -> Metrics:
    """Section 5.2: the untrained model's vote over few and over all paths, by the exemplars of the prompt."""
    most = max(curves["before"]["k"].to_list())
    rows = [
        (
            shown,
            paper.GENERATED_PROMPTS[name],
            [contrast([(1, maj(curves[name], k))]) for k in (min(FEW, most), most)],
        )
        for name, shown in PROMPTS.items()
    ]
    return table(
        "Generated prompts (section 5.2)", [f"{min(FEW, most)} paths", f"{most} paths"], rows
    )


def paths(curves: Mapping[str, pl.DataFrame]) -> Metrics:
    """Figure 3: accuracy of the vote by the number of paths, and pass@k."""
    means = {
        name: curve.group_by("k", maintain_order=True)
        .agg(pl.col("maj", "pass").mean().round(12))
        .sort("k")
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
