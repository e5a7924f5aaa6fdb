"""Paired tests, intervals, subset expectations and calibration: how sure a measured difference is.

Everything takes plain counts or arrays and knows no table, task or model. Intervals are two-sided,
95 %. scipy.stats is imported where it is used: it takes 0.5 s, and Kedro imports every pipeline at
start-up.
"""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 20_000  # the bounds move by less than 0.0005 between seeds at n = 800


class Interval(NamedTuple):
    low: float
    high: float


class Bin(NamedTuple):
    """Questions whose confidence lies in (low, high]; the first bin includes 0."""

    low: float
    high: float
    n: int
    confidence: float  # mean
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def wilson(successes: int, n: int) -> Interval:
    """Wilson's score interval of a proportion."""
    from scipy.stats import binomtest

    bounds = binomtest(successes, n).proportion_ci(method="wilson")
    return Interval(float(bounds.low), float(bounds.high))


def mcnemar(wrong_to_right: int, right_to_wrong: int) -> float:
    """Exact two-sided p-value: were flips in both directions equally likely?"""
    from scipy.stats import binomtest

    flips = wrong_to_right + right_to_wrong
    return float(binomtest(wrong_to_right, flips).pvalue) if flips else 1.0


def bootstrap_delta(wrong_to_right: int, right_to_wrong: int, n: int, seed: int = 0) -> Interval:
    """Percentile bootstrap of (wrong_to_right - right_to_wrong) / n over n paired questions.

    To resample questions with replacement is to draw the counts of the three outcomes from a
    multinomial.
    """
    outcomes = np.array([wrong_to_right, right_to_wrong, n - wrong_to_right - right_to_wrong])
    drawn = np.random.default_rng(seed).multinomial(n, outcomes / n, size=RESAMPLES)  # [B, 3]
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [0.025, 0.975])
    return Interval(float(low), float(high))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: each p-value times the number of hypotheses not yet rejected."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = largest
    return corrected


def pass_at_k(correct: int, n: int, k: int) -> float:
    """Share of all k-subsets of a question's n paths that hold a correct one."""
    return 1 - comb(n - correct, k) / comb(n, k)


def maj_at_k(correct: int, others: Sequence[int], unreadable: int, k: int) -> float:
    """Share of all k-subsets of a question's paths in which the correct key wins alone.

    A tie is wrong. others counts the paths of each wrong key. For every number of correct votes, a
    product of polynomials, one for each other key and cut below that number, counts the ways to
    fill the subset.
    """
    wins = 0
    for votes in range(1, min(correct, k) + 1):
        ways = np.array([comb(unreadable, i) for i in range(k - votes + 1)], dtype=object)
        for count in others:
            fewer = np.array([comb(count, i) for i in range(min(count + 1, votes))], dtype=object)
            ways = np.convolve(ways, fewer)[: k - votes + 1]
        wins += comb(correct, votes) * ways[k - votes]
    return wins / comb(correct + sum(others) + unreadable, k)


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 5
) -> list[Bin]:
    """Accuracy by confidence in bins of equal width; empty bins are left out."""
    # Rounded first: 0.7 * 10 must not fall into the bin above for its last binary digit.
    place = np.maximum(np.ceil(np.round(confidence * bins, 9)).astype(int), 1)
    return [
        Bin(
            (b - 1) / bins,
            b / bins,
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(correct[inside].mean()),
            *wilson(int(correct[inside].sum()), int(inside.sum())),
        )
        for b in range(1, bins + 1)
        if (inside := place == b).any()
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance of accuracy from confidence over bins, weighted by their questions."""
    total = sum(b.n for b in bins)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / total


def brier(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """Mean squared distance of confidence from the outcome."""
    return float(np.mean((confidence - correct) ** 2))
