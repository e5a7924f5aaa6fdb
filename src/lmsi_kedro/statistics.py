"""Paired tests, intervals, subset expectations and calibration.

All functions take plain counts or arrays. Intervals are two-sided, 95 %. scipy.stats and numpy are imported where
they are used: importing them takes 0.5 s and 0.06 s, and Kedro imports every pipeline at start-up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import comb, fsum, log2
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SURE = 0.05  # a p-value below it shows a difference
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


class Threshold(NamedTuple):
    """The votes with a confidence of at least `confidence`, and how often they are right."""

    confidence: float
    n: int
    precision: float
    precision_low: float
    precision_high: float


def counts(values: Iterable[str]) -> dict[str, int]:
    """Returns how often each value occurs, the most frequent first; ties are sorted by value, never by hash."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def entropy(values: Iterable[str]) -> float:
    """Returns the entropy of the values in bits, or 0 without values. The sum is exact in any order."""
    found = Counter(values)
    total = found.total()
    return -fsum(n / total * log2(n / total) for n in found.values())


def wilson(successes: int, n: int) -> Interval:
    """Returns Wilson's score interval of a proportion.

    Examples:
        >>> low, high = wilson(8, 10)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
    """
    from scipy.stats import binomtest

    bounds = binomtest(successes, n).proportion_ci(method="wilson")
    return Interval(float(bounds.low), float(bounds.high))


def mcnemar(wrong_to_right: int, right_to_wrong: int) -> float:
    """Returns the exact two-sided p-value for the hypothesis that flips in both directions are equally likely.

    Examples:
        >>> mcnemar(wrong_to_right=9, right_to_wrong=1)
        0.021484375
    """
    from scipy.stats import binomtest

    flips = wrong_to_right + right_to_wrong
    return float(binomtest(wrong_to_right, flips).pvalue) if flips else 1.0


def bootstrap_delta(wrong_to_right: int, right_to_wrong: int, n: int, seed: int = 0) -> Interval:
    """Returns the percentile bootstrap of (wrong_to_right - right_to_wrong) / n over n paired questions."""
    import numpy as np

    outcomes = [wrong_to_right, right_to_wrong, n - wrong_to_right - right_to_wrong]
    return _resampled(np.array([1, -1, 0]), np.ones(3), np.array(outcomes), seed)


def clustered_bootstrap(
    differences: NDArray[Any], clusters: Sequence[str], seed: int = 0
) -> Interval:
    """Returns the percentile bootstrap interval of the mean of paired differences, resampling clusters.

    Answers of several seeds to one question are not independent observations, so the question is the cluster.
    """
    import numpy as np

    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    sums, sizes = np.bincount(place, differences), np.bincount(place)
    kinds, counts = np.unique(np.stack([sums, sizes], axis=1), axis=0, return_counts=True)
    return _resampled(kinds[:, 0], kinds[:, 1], counts, seed)


def _resampled(
    sums: NDArray[Any], sizes: NDArray[Any], counts: NDArray[np.int64], seed: int
) -> Interval:
    """Returns bounds of sum / size over resamples; counts[i] clusters have the sum sums[i] and the size sizes[i].

    Sampling clusters with replacement is the same as sampling the number of each kind from a multinomial.
    """
    import numpy as np

    n = counts.sum()
    resamples = np.random.default_rng(seed).multinomial(n, counts / n, size=RESAMPLES)  # [B, kinds]
    low, high = np.quantile((resamples @ sums) / (resamples @ sizes), [0.025, 0.975])
    return Interval(float(low), float(high))


def holm(p_values: Sequence[float]) -> list[float]:
    """Applies Holm's step-down correction: multiplies each p-value by the number of hypotheses not yet rejected.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = largest
    return corrected


def pass_at_k(correct: int, n: int, k: int) -> float:
    """Returns the share of all k-subsets of a question's n paths that contain a correct one.

    Examples:
        >>> pass_at_k(correct=1, n=4, k=2)
        0.5
    """
    return 1 - comb(n - correct, k) / comb(n, k)


def maj_at_k(correct: int, others: Sequence[int], unreadable: int, k: int) -> float:
    """Returns the share of all k-subsets of a question's paths in which the correct answer is the only winner.

    A tie counts as wrong. others contains the number of paths of each wrong answer. For every number of correct
    votes, a product of polynomials, one for each wrong answer and truncated below that number, counts the ways to
    fill the subset.

    Examples:
        >>> maj_at_k(correct=2, others=[1], unreadable=1, k=3)  # it wins 2 to 1, or 2 to 0 and one unparsable
        0.5
    """
    import numpy as np

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
    """Returns accuracy by confidence in bins of equal width; empty bins are left out."""
    import numpy as np

    # Round first: a rounding error must not move 0.7 * 10 into the bin above.
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
    """Returns the mean distance between accuracy and confidence of the bins, weighted by numbers of questions."""
    total = sum(b.n for b in bins)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / total


def brier(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """Returns the mean squared distance between the confidence and the outcome, which is 0 or 1."""
    import numpy as np

    return float(np.mean((confidence - correct) ** 2))


def threshold_for(
    precision: float, confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> Threshold | None:
    """Returns the lowest confidence above which votes are right at least this often, or None if there is none."""
    import numpy as np

    for least in np.unique(confidence):
        kept = correct[confidence >= least]
        if kept.mean() >= precision:
            bounds = wilson(int(kept.sum()), len(kept))
            return Threshold(float(least), len(kept), float(kept.mean()), *bounds)
    return None
