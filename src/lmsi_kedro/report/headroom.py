"""Writes headroom.json as sentences and tables, for `lmsi headroom`, the report, and the line that stops a run.

The sentences claim no more than was measured: a share of answers that may change is not a gain.
"""

from typing import Any, NamedTuple

from lmsi_kedro.report.words import percent, points, probability

Headroom = dict[str, Any]  # docs/headroom.md


class Table(NamedTuple):
    """A table whose cells are text; the first column names the row."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def verdict(headroom: Headroom) -> str:
    """Returns one sentence, which is based on labeled probe questions if there are any."""
    return of_probe(headroom["probe"]) if headroom["probe"] else of_unlabeled(headroom)


def is_shown(headroom: Headroom) -> bool:
    """Returns whether labels show that the vote is more accurate than the greedy path."""
    best = headroom["probe"] and headroom["probe"]["best"]
    return bool(best and best["shown"])


def of_unlabeled(headroom: Headroom) -> str:
    found = headroom["unlabeled"]["pooled"]["greedy"]
    unparsable = found["greedy_unparsable"]
    most = found["differ"] + unparsable
    besides = f", and {percent(unparsable)} have a vote but no greedy answer" if unparsable else ""
    return (
        f"The greedy answer and the vote differ on {percent(found['differ'])} of {found['questions']:,} unlabeled"
        f" questions{besides}: by voting at most {percent(most)} of the answers can change."
    )


def of_probe(probe: dict[str, Any]) -> str:
    """Returns one sentence on the labeled probe questions.

    Its gain is over all of them: the share that the best threshold keeps times the difference on this share.
    """
    labeled, best = f"{probe['questions']:,} labeled probe questions", probe["best"]
    if best is None:
        return f"No vote on {labeled} is decided: do not train on it."
    low, high = points(best["gain_low"]), points(best["gain_high"])
    gain = f"{points(best['gain'])} points ({low} to {high}, p = {probability(best['p_value'])})"
    least = f"with a confidence of at least {best['threshold']:g}"
    if best["shown"]:
        return (
            f"{expectation(probe['expected'])} with voting.min_confidence={best['threshold']:g}: the vote is more"
            f" accurate than the greedy path, {gain} on {labeled}."
        )
    return (
        f"The vote is not shown to be more accurate than the greedy path (at best {gain} on {labeled}, by votes"
        f" {least}): do not train on it, unless more labels show it."
    )


def expectation(expected: dict[str, float]) -> str:
    """Returns the beginning of a sentence on the expected gain."""
    value, low, high = (points(expected[name]) for name in ("value", "low", "high"))
    return f"As in {expected['settings']} measured rounds, a gain of {value} points ({low} to {high}) is expected"


def sentences(headroom: Headroom) -> list[str]:
    """Returns the verdict and further remarks."""
    lines = [verdict(headroom)]
    if headroom["probe"]:
        lines += [of_unlabeled(headroom), "This used labels of the probe split (headroom.probe)."]
    if (sets := headroom["unlabeled"]["pooled"]["exemplar_sets"]) is not None:
        within = (
            ""
            if sets["within"] is None
            else f", and in {percent(sets['within'])} of the pairs from one set"
        )
        lines.append(
            f"Two paths on a question agree in {percent(sets['across'])} of the pairs from different exemplar"
            f" sets{within}."
        )
    return lines


def tables(headroom: Headroom) -> list[Table]:
    unlabeled = {"all": headroom["unlabeled"]["pooled"], **headroom["unlabeled"]["tasks"]}
    made = [differences(unlabeled), confidences(unlabeled)]
    return [*made, advantages(headroom["probe"])] if headroom["probe"] else made


def differences(unlabeled: dict[str, Any]) -> Table:
    columns = ["task", "questions", "with a greedy path", "answers differ", "no greedy answer", "vote abstains",
               "winner of half the paths", "same in both halves", "unparsable paths"]  # fmt: skip
    rows = []
    for task, found in unlabeled.items():
        greedy, stable = found["greedy"], found["stability"] or {"half": None, "halves": None}
        shares = [greedy[name] for name in ("differ", "greedy_unparsable", "vote_abstains")]
        shares += [stable["half"], stable["halves"], found["unparsable"]]
        counts = [f"{found['questions']:,}", f"{greedy['questions']:,}"]
        rows.append([task, *counts, *("" if s is None else percent(s) for s in shares)])
    return Table("Greedy answer and vote, without labels", columns, rows)


def confidences(unlabeled: dict[str, Any]) -> Table:
    edges = [entry["least"] for entry in next(iter(unlabeled.values()))["confidence"]]
    rows = [
        [task, *(f"{entry['questions']:,}" for entry in found["confidence"])]
        for task, found in unlabeled.items()
    ]
    return Table(
        "Questions by the confidence of their vote", ["task", *(f"from {e:g}" for e in edges)], rows
    )


def advantages(probe: dict[str, Any]) -> Table:
    columns = ["confidence from", "questions", "kept", "greedy right", "vote right", "difference, points", "p",
               "gain over all, points"]  # fmt: skip
    rows = [
        [
            f"{row['threshold']:g}", f"{row['n']:,}", percent(row["kept"]),
            percent(row["greedy"]["accuracy"]), percent(row["vote"]["accuracy"]),
            interval(row, "delta"), probability(row["p_value"]), interval(row, "gain"),
        ]
        for row in probe["thresholds"]
    ]  # fmt: skip
    return Table(f"On {probe['questions']:,} labeled probe questions", columns, rows)


def interval(row: dict[str, Any], name: str) -> str:
    return f"{points(row[name])} ({points(row[f'{name}_low'])} to {points(row[f'{name}_high'])})"
