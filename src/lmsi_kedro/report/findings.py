"""Sentences on what a reader must not miss in metrics.json: what got worse, and what weakens the results.

Small losses are listed too; these are marked as within chance.
"""

from collections.abc import Iterator
from typing import Any

from lmsi_kedro.report.words import MODE_NAMES, losses, percent, points, probability
from lmsi_kedro.statistics import SURE, mcnemar

Metrics = dict[str, Any]
WIDE = 0.05  # if half the interval of the gain is wider, there are too few questions
FEW = 100  # held-out questions
LITTLE = 50  # questions whose votes were kept
MANY = 0.2  # a share of paths or questions that deserves a warning


def worse(metrics: Metrics) -> list[str]:
    """Sentences that compare the last round with the base model, significant losses first."""
    last = metrics["rounds"][-1]
    return [
        *accuracies(metrics),
        *forgotten(last),
        *passes(last),
        *miscalibrated(last),
        *narrower(last),
    ]


def accuracies(metrics: Metrics) -> Iterator[str]:
    """Reports tasks and modes with a lower accuracy than before."""
    yield from (f"{lost}." for lost in losses(metrics))
    lower = [
        f"{task}, {MODE_NAMES.get(mode, mode)} ({points(found['delta'])})"
        for task, modes in metrics["rounds"][-1]["tasks"].items()
        for mode, found in modes.items()
        if found["delta"] < 0 and found["p_holm"] >= SURE
    ]
    if lower:
        yield f"Lower, but within chance: {', '.join(lower)}."


def forgotten(last: Metrics) -> Iterator[str]:
    """Reports how many questions were answered right before training and are answered wrong after it."""
    if (greedy := last["pooled"].get("cot_greedy")) and greedy["right_to_wrong"]:
        right = round(greedy["before"]["accuracy"] * greedy["before"]["n"])
        yield (
            f"{greedy['right_to_wrong']:,} of the {right:,} in-domain questions that CoT greedy answered right"
            " before training are answered wrong after it."
        )


def passes(last: Metrics) -> Iterator[str]:
    """Reports that fewer right answers are among the sampled paths."""
    before, after = last["curves"]["before"], last["curves"]["after"]
    if after["questions"] and after["pass"][-1] < before["pass"][-1]:
        yield (
            f"pass@{after['k'][-1]} fell from {percent(before['pass'][-1])} to {percent(after['pass'][-1])}: some"
            " right answers are no longer among the sampled paths."
        )


def miscalibrated(last: Metrics) -> Iterator[str]:
    before, after = last["calibration"]["before"], last["calibration"]["after"]
    if before and after and after["ece"] > before["ece"]:
        yield (
            f"The confidence of votes estimates their accuracy less well: the expected calibration error rose from"
            f" {before['ece']:.3f} to {after['ece']:.3f}."
        )


def narrower(last: Metrics) -> Iterator[str]:
    """Reports less diverse paths and more unparsable answers on the questions of the collapse monitor."""
    seen = last["monitor"]
    if not seen["promoted"]:  # then the report describes the previous model
        return
    both = [(name, seen["before"].get(name), now) for name, now in seen["candidate"].items()]
    pairs = [(name, before, now) for name, before, now in both if before]
    fewer = [
        f"{name} ({percent(before['distinct_paths'])} → {percent(now['distinct_paths'])})"
        for name, before, now in pairs
        if now["distinct_paths"] < before["distinct_paths"]
    ]
    if fewer:
        yield f"Sampled paths are less diverse; share of distinct ones: {', '.join(fewer)}."
    unparsed = [
        f"{name} ({percent(before['unreadable'])} → {percent(now['unreadable'])})"
        for name, before, now in pairs
        if now["unreadable"] > before["unreadable"]
    ]
    if unparsed:
        yield f"More paths are unparsable: {', '.join(unparsed)}."


def warnings(metrics: Metrics) -> list[str]:
    """Sentences on what weakens the results, whether these are good or bad."""
    return [
        *few(metrics["headline"]),
        *hopeless(metrics),
        *untaught(metrics),
        *contaminated(metrics),
    ]


def few(headline: Metrics) -> Iterator[str]:
    """Warns of too few held-out questions to decide anything, or to detect a small difference."""
    n = headline["n"]
    if not n:
        yield "No held-out question has a label: whether the model is better was not measured."
    elif (least := mcnemar(n, 0)) >= SURE:
        yield (
            f"{n} held-out question{'s are' if n > 1 else ' is'} too few to decide anything: even if every"
            f" answer changed from wrong to right, p would be {probability(least)}."
        )
    elif (half := (headline["delta_high"] - headline["delta_low"]) / 2) > WIDE or n < FEW:
        known = f", so the gain is known only to within ±{100 * half:.0f} points" if half else ""
        yield (
            f"Only {n:,} questions are held out{known}. More labeled questions"
            " (evaluation.greedy_questions) would make smaller differences visible."
        )


def hopeless(metrics: Metrics) -> Iterator[str]:
    """Warns if the base model has no right answers, so that it has nothing to learn from."""
    last, n = metrics["rounds"][-1], metrics["headline"]["n"]
    if n and metrics["headline"]["before"] == 0:
        yield "The base model answers none of the in-domain questions right: its votes agree on mistakes."
        return
    none = [
        task
        for task in last["in_domain"]
        if (found := last["tasks"][task].get("cot_greedy")) and found["before"]["accuracy"] == 0
    ]
    if none:
        yield f"The base model answers no held-out question of {', '.join(none)} right."


def untaught(metrics: Metrics) -> Iterator[str]:
    """Warns if the votes taught little, because of unparsable paths, ties or too few questions."""
    for entry in metrics["rounds"]:
        votes, start = entry["votes"], f"Round {entry['round']}:"
        if votes["unreadable"] > MANY:
            yield f"{start} {percent(votes['unreadable'])} of the sampled paths could not be parsed."
        if votes["questions"] and votes["tied"] / votes["questions"] > MANY:
            yield f"{start} {votes['tied']:,} of {votes['questions']:,} votes are tied and teach nothing."
        if votes["kept"] < LITTLE:
            yield f"{start} only {votes['kept']} of {votes['questions']:,} questions have a vote that was kept."


def contaminated(metrics: Metrics) -> Iterator[str]:
    """Warns of training questions that are similar to evaluated ones."""
    found = metrics["rounds"][-1]["leaks"]
    if found["questions"] and found["overlapping"] / found["questions"] > MANY:
        yield (
            f"{found['overlapping']:,} of {found['questions']:,} training questions share {found['words']}"
            " consecutive words with an evaluated one."
        )
