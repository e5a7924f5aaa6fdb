"""Checks each qualitative finding of the paper, and of this project's controls, by one contrast and a verdict.

A finding holds if its contrast is above its bound and no part of the 95 % interval is below the bound. It does not
hold if the whole interval is below; otherwise it is undecided. The findings on calibration have a separate rule.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from lmsi_kedro.evaluation.calibration import calibrate
from lmsi_kedro.paper.contrasts import Metrics, Models, answers, contrast, gain, maj

WITHIN = -0.03  # "comparable": within 3 points, or better
NEARLY = -0.01  # "nearly suffices": within 1 point
NO_DECREASE = (
    "contradicted only if the intervals of two bins do not overlap; here the two that come closest"
)


def finding(sentence: str, found: Metrics, bound: float = 0.0, where: str = "") -> Metrics:
    """Makes a finding: value, low and high are shares; `verdict` compares the interval with the bound."""
    verdict = "undecided"
    if found["low"] >= bound and found["value"] > bound:
        verdict = "holds"
    elif found["high"] < bound:
        verdict = "does not hold"
    return {"finding": sentence, "where": where, "bound": bound, **found, "verdict": verdict}


def of_training(models: Models, in_domain: Sequence[str], outside: Sequence[str]) -> list[Metrics]:
    """Checks tables 3 and 4: the gains by task and mode; modes that were not evaluated are left out."""

    def gained(mode: str, tasks: Sequence[str]) -> Metrics:
        before, after = (answers(models[name], mode, tasks) for name in ("base", "vote"))
        return gain(before, after)

    pooled = gained("cot_greedy", in_domain)
    surely = ", ".join(f"{p:.1g} of seed {seed}" for seed, p in pooled["p_values"].items())
    found = [finding(f"CoT greedy gains in {t}", gained("cot_greedy", [t])) for t in in_domain]
    found += [
        finding("CoT greedy gains 15 points on average", pooled, 0.15, f"McNemar p = {surely}"),
    ]
    found += [
        finding(sentence, gained(mode, in_domain))
        for sentence, mode in (
            ("direct answers gain", "standard"),
            ("self-consistency gains", "self_consistency"),
        )
        if not models["vote"].filter(mode=mode).is_empty()
    ]
    greedy = answers(models["vote"], "cot_greedy", in_domain)
    vote = answers(models["base"], "self_consistency", in_domain)
    sentence = "CoT greedy after is within 3 points of self-consistency before, or better"
    found.append(finding(sentence, contrast([(1, greedy), (-1, vote)]), WITHIN))
    if outside:
        found.append(finding("CoT greedy gains out of domain", gained("cot_greedy", outside)))
    return found


def of_formats(models: Models, tasks: Sequence[str]) -> list[Metrics]:
    """Checks table 5: each step of the ablation, with CoT greedy and with direct answers."""
    steps = [
        ("all four formats beat few-shot CoT only", "vote", "few_shot_cot_only"),
        ("few-shot CoT only beats direct only", "few_shot_cot_only", "direct_only"),
        ("direct only beats no training", "direct_only", "base"),
    ]
    return [
        finding(
            f"{sentence} ({'CoT' if mode == 'cot_greedy' else mode})",
            contrast([(1, answers(models[a], mode, tasks)), (-1, answers(models[b], mode, tasks))]),
        )
        for sentence, a, b in steps
        for mode in ("cot_greedy", "standard")
    ]


def of_controls(models: Models, tasks: Sequence[str]) -> list[Metrics]:
    """Checks whether the vote causes the gain; arms that `models` does not contain have no findings.

    A share of a gain is tested as one weighted sum, such as vote - .7 gold - .3 base.
    """
    arms = ("base", "vote", "random", "shuffled", "gold")
    greedy = {name: answers(models[name], "cot_greedy", tasks) for name in arms if name in models}
    share = {"vote": 0.15, "base": 0.85}
    claims: list[tuple[str, dict[str, float]]] = [
        ("the vote beats random paths", {"vote": 1, "random": -1}),
        ("the vote beats other questions' paths", {"vote": 1, "shuffled": -1}),
        ("the vote gains 70 % of what gold gains", {"vote": 1, "gold": -0.7, "base": -0.3}),
        ("random paths gain less than 15 % of it", {**share, "random": -1}),
        ("other questions' paths gain less than 15 % of it", {**share, "shuffled": -1}),
    ]
    return [
        finding(sentence, contrast([(weight, greedy[name]) for name, weight in weights.items()]))
        for sentence, weights in claims
        if weights.keys() <= greedy.keys()
    ]


def of_paths(curves: Mapping[str, pl.DataFrame]) -> list[Metrics]:
    """Checks figure 3: votes over fewer paths; maj@k is exact over all subsets of the sampled paths."""
    most = max(curves["before"]["k"].to_list())
    all_before = (-1.0, maj(curves["before"], most))
    few = contrast([(1, maj(curves["after_0"], min(5, most))), all_before])
    enough = contrast([(1, maj(curves["before"], min(15, most))), all_before])
    return [
        finding("5 paths after are at least as good as all before", few, where=f"{most} paths"),
        finding("15 paths nearly suffice: within 1 point of all", enough, NEARLY, f"{most} paths"),
    ]


def of_prompts(curves: Mapping[str, pl.DataFrame]) -> list[Metrics]:
    """Checks section 5.2: exemplars written by the model, compared with none and with human-written ones."""
    most = max(curves["before"]["k"].to_list())
    own, none, human = (
        maj(curves[name], most) for name in ("own_exemplars", "step_by_step", "before")
    )
    nearly = contrast([(1, own), (-1, human)])
    return [
        finding("generated exemplars beat step by step", contrast([(1, own), (-1, none)])),
        finding("generated exemplars are within 3 points of those of people", nearly, WITHIN),
    ]


def of_questions(models: Models, tasks: Sequence[str]) -> list[Metrics]:
    """Checks section 5.2: training on generated questions."""
    base, own, original = (
        answers(models[name], "cot_greedy", tasks) for name in ("base", "generated", "vote")
    )
    return [
        finding("generated questions gain", contrast([(1, own), (-1, base)])),
        finding("given questions gain more", contrast([(1, original), (-1, own)])),
    ]


def of_second_round(models: Models, tasks: Sequence[str], verdict: Metrics) -> list[Metrics]:
    """Checks a second round, which the paper does not have; if not promoted, it has the figures of round 1."""
    once, twice = (answers(models[name], "cot_greedy", tasks) for name in ("vote", "second"))
    why = "; ".join(verdict["alarms"] + verdict["doubts"])
    outcome = why and f"{'promoted, though' if verdict['promoted'] else 'not promoted:'} {why}"
    gained = contrast([(1, twice), (-1, once)])
    return [
        finding("a second round gains", gained, where=outcome),
        finding("a second round loses less than 3 points", gained, WITHIN, outcome),
    ]


def of_temperature(after: Mapping[float, pl.DataFrame]) -> list[Metrics]:
    """Checks section 5: a tuned model has less entropy, so T = 1.2 is better for its vote."""
    (first, plain), *others = after.items()
    base = answers(plain, "self_consistency")
    return [
        finding(
            f"after training the vote is better at T = {temperature} than at T = {first}",
            contrast([(1, answers(made, "self_consistency")), (-1, base)]),
        )
        for temperature, made in others
    ]


def of_calibration(models: Models, tasks: Sequence[str]) -> list[Metrics]:
    """Checks figure 2: accuracy does not decrease with confidence beyond the intervals of the bins.

    Two bins contradict this if the interval of the more confident one is entirely below that of the other; if none
    do, the finding holds. The difference shown is between the two bins that come closest to a contradiction.
    """
    found = []
    for name in ("base", "vote"):
        bins = (calibrate(models[name], tasks) or {"bins": []})["bins"]
        steps = [
            {
                "value": b["accuracy"] - a["accuracy"],
                "low": b["accuracy_low"] - a["accuracy_high"],
                "high": b["accuracy_high"] - a["accuracy_low"],
                "n": a["n"] + b["n"],
            }
            for i, a in enumerate(bins)
            for b in bins[i + 1 :]
        ]
        if steps:
            least = min(steps, key=lambda step: step["high"])
            sentence = f"accuracy does not decrease with the vote's confidence ({name})"
            verdict = "does not hold" if least["high"] < 0 else "holds"
            found.append(finding(sentence, least, where=NO_DECREASE) | {"verdict": verdict})
    return found


def of_sizes(models: Models, tasks: Sequence[str]) -> list[Metrics]:
    """Checks table 7 and UL2: smaller models learn from a larger one's paths, and gain less from their own."""
    greedy = {
        name: answers(models[name], "cot_greedy", tasks)
        for name in ("base", "vote", "student", "student_vote", "distilled")
    }
    seeds = greedy["student"]["seed"].unique(maintain_order=True).to_list()
    at = {name: made.filter(pl.col("seed").is_in(seeds)) for name, made in greedy.items()}
    terms = [(1, at["vote"]), (-1, at["base"]), (-1, at["student_vote"]), (1, at["student"])]
    return [
        finding(
            "the smaller model gains from its own paths",
            contrast([(1, at["student_vote"]), (-1, at["student"])]),
        ),
        finding("the larger model gains more from its own paths", contrast(terms)),
        finding(
            "the smaller model gains from the larger one's paths",
            contrast([(1, at["distilled"]), (-1, at["student"])]),
        ),
        finding(
            "it learns more from the larger model's paths than from its own",
            contrast([(1, at["distilled"]), (-1, at["student_vote"])]),
        ),
    ]
