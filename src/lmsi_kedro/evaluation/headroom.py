"""Measures before training whether a model's votes are more accurate than its greedy paths.

Without labels, it measures how often the two differ, and how confident and stable the votes are. With labeled
probe questions, it measures the paired advantage of the vote by confidence threshold, from which a line fitted to
other settings predicts the gain of a round.
"""

from itertools import pairwise
from math import inf
from typing import Any

import polars as pl

from lmsi_kedro import statistics
from lmsi_kedro.evaluation.comparison import Metrics, paired
from lmsi_kedro.evaluation.marking import is_accepted
from lmsi_kedro.evaluation.prediction import expect
from lmsi_kedro.params import VotingParams
from lmsi_kedro.votes import count_within

THRESHOLDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # lowest confidence of votes in a row


def measure_unlabeled(
    readings: pl.DataFrame, greedy_readings: pl.DataFrame, voting: VotingParams, m: int
) -> Metrics:
    """Measures all tasks pooled, and each task; readings also contain the `exemplar_set` of every path."""

    def figures(rows: pl.DataFrame) -> Metrics:
        votes = count_votes(rows, voting)
        return {
            "questions": votes.height,
            "greedy": compare_greedy(votes, greedy_readings),
            "confidence": count_by_confidence(votes),
            "stability": measure_stability(rows, voting, m),
            "exemplar_sets": compare_exemplar_sets(rows),
            "unparsable": rows["key"].is_null().mean(),
        }

    tasks = sorted(readings.partition_by("task", as_dict=True).items())
    return {
        "pooled": figures(readings),
        "tasks": {str(task): figures(rows) for (task,), rows in tasks},
    }


def count_votes(readings: pl.DataFrame, voting: VotingParams) -> pl.DataFrame:
    """Counts the votes, whatever their confidence; the answer is null if the vote abstains."""
    return count_within(readings, voting, 0.0, 1.0)


def compare_greedy(votes: pl.DataFrame, greedy_readings: pl.DataFrame) -> Metrics:
    """Computes three disjoint shares of the questions with a greedy path; on the rest, the vote agrees with it."""
    pairs = votes.select("question_id", vote="key").join(
        greedy_readings.select("question_id", greedy="key"),
        on="question_id",
        maintain_order="left",
    )
    decided, parsed = pl.col("vote").is_not_null(), pl.col("greedy").is_not_null()
    return pairs.select(
        questions=pl.len(),
        differ=(decided & parsed & (pl.col("vote") != pl.col("greedy"))).mean(),
        greedy_unparsable=(decided & ~parsed).mean(),
        vote_abstains=(~decided).mean(),
    ).row(0, named=True)


def count_by_confidence(votes: pl.DataFrame) -> list[Metrics]:
    """Returns the number of questions whose confidence is at least `least`, but below the next `least`."""
    confidence = votes.drop_nulls("key")["confidence"]
    return [
        {"least": least, "questions": int(confidence.is_between(least, most, "left").sum())}
        for least, most in pairwise((*THRESHOLDS, inf))
    ]


def measure_stability(readings: pl.DataFrame, voting: VotingParams, m: int) -> Metrics | None:
    """Measures how stable the winner is, over the questions with m paths and a winner.

    half is the share of questions on which the first m // 2 paths have the same winner as all paths; halves is the
    share on which they have the same winner as the last m // 2 paths. Questions with fewer than m paths, on which
    sampling stopped early, are excluded. The result is None if m is below 2.
    """
    whole, half = readings.filter(pl.len().over("question_id") == m), m // 2
    if not half or whole.is_empty():
        return None
    first, last = pl.col("path") < half, pl.col("path") >= m - half
    won = count_votes(whole, voting).select("question_id", all="key").drop_nulls()
    for name, rows in (("first", first), ("last", last)):
        winners = count_votes(whole.filter(rows), voting).rename({"key": name})
        won = won.join(winners.select("question_id", name), on="question_id", maintain_order="left")
    same = {"half": pl.col("first") == pl.col("all"), "halves": pl.col("first") == pl.col("last")}
    shares = {name: alike.fill_null(False).mean() for name, alike in same.items()}
    return won.select(questions=pl.len(), **shares).row(0, named=True)


def compare_exemplar_sets(readings: pl.DataFrame) -> Metrics | None:
    """Computes how often two paths of a question have the same answer: paths of one exemplar set, and of two sets.

    The result is None if no question has several sets. An unparsable path agrees with no other path.
    """
    several = readings.filter(pl.col("exemplar_set").n_unique().over("question_id") > 1)
    if several.is_empty():
        return None
    parsed, one_set = several.drop_nulls("key"), ("question_id", "exemplar_set")
    pairs, pairs_of_one_set = count_pairs(several, "question_id"), count_pairs(several, *one_set)
    alike, alike_of_one_set = (
        count_pairs(parsed, "question_id", "key"),
        count_pairs(parsed, *one_set, "key"),
    )
    return {
        "within": alike_of_one_set / pairs_of_one_set if pairs_of_one_set else None,
        "across": (alike - alike_of_one_set) / (pairs - pairs_of_one_set),
    }


def count_pairs(rows: pl.DataFrame, *alike: str) -> int:
    """Returns the number of pairs of rows with equal values in these columns."""
    sizes = rows.group_by(*alike, maintain_order=True).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1)).sum()) // 2


def measure_probe(
    readings: pl.DataFrame,
    greedy_readings: pl.DataFrame,
    accepted: pl.DataFrame,
    voting: VotingParams,
) -> Metrics:
    """Compares the vote with the greedy path on labeled questions, by confidence threshold.

    accepted: the table of `accepted_keys`. A threshold that no vote reaches has no row. `best` is the row with the
    largest gain, and `expected` the predicted gain of a round with the threshold of this row; both are None if
    there are no votes.
    """
    votes = count_votes(readings, voting)
    pairs = mark(votes, accepted, "vote").join(
        mark(greedy_readings, accepted, "greedy").drop("key"),
        on="question_id",
        maintain_order="left",
    )
    decided = pairs.drop_nulls("key").join(
        votes.select("question_id", "confidence"), on="question_id", maintain_order="left"
    )
    kept = {least: decided.filter(pl.col("confidence") >= least) for least in THRESHOLDS}
    rows = [compare_from(least, some, pairs.height) for least, some in kept.items() if some.height]
    best = max(rows, key=lambda row: row["gain"], default=None)
    gains = best and (best["gain"], best["gain_low"], best["gain_high"])
    wrong = pairs.filter(~pl.col("greedy")).height
    return {
        "questions": pairs.height,
        "vote_abstains": pairs["key"].null_count(),
        "thresholds": rows,
        "best": best,
        "expected": expect(*gains, wrong / pairs.height) if gains else None,
    }


def mark(answers: pl.DataFrame, accepted: pl.DataFrame, name: str) -> pl.DataFrame:
    """Returns question_id, key, and whether the answer is right (in the column `name`)."""
    marked = answers.join(accepted, on="question_id", maintain_order="left")
    return marked.select("question_id", "key", is_accepted().alias(name))


def compare_from(least: float, kept: pl.DataFrame, questions: int) -> dict[str, Any]:
    """Makes the row of a threshold: vote and greedy path on the kept questions, and the gain over all questions.

    gain: the share kept times the difference, with a bootstrap interval over all questions. shown: whether the
    interval is above 0 and McNemar's p is below SURE.
    """
    found = paired(kept.select(before="greedy", after="vote"))
    gained, lost = found["wrong_to_right"], found["right_to_wrong"]
    low, high = statistics.bootstrap_delta(gained, lost, questions)
    return {
        "threshold": least,
        "n": kept.height,
        "kept": kept.height / questions,
        "greedy": found.pop("before"),
        "vote": found.pop("after"),
        **found,
        "gain": (gained - lost) / questions,
        "gain_low": low,
        "gain_high": high,
        "shown": low > 0 and found["p_value"] < statistics.SURE,
    }
