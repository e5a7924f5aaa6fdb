"""The specification of `count_votes`, in plain Python.

No result depends on the order of a question's paths: counts are integers, weights are summed
exactly (`math.fsum`), entropy adds integers, and ties are listed sorted.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

# The number of integer units per bit of entropy: errors are below 1e-13 bits, and sums over 4,096 paths fit into
# 64 bits.
ENTROPY_UNITS = 2**44


class Vote(NamedTuple):
    """The vote on one question; the columns of `count_votes`."""

    key: str | None
    votes: int
    readable: int
    paths: int
    confidence: float
    margin: float
    entropy: float
    tied: list[str]


def count_question(keys: Sequence[str | None], weights: Sequence[float] | None) -> Vote:
    """Counts the votes of one question's paths; `weights` break ties. Without weights, a tie has no winner."""
    counts = Counter(key for key in keys if key is not None)
    votes, second = [*sorted(counts.values(), reverse=True), 0, 0][:2]
    tied = sorted(key for key in counts if counts[key] == votes)
    leaders = tied if weights is None else heaviest(tied, keys, weights)
    paths = len(keys)
    return Vote(
        key=leaders[0] if len(leaders) == 1 else None,
        votes=votes,
        readable=counts.total(),
        paths=paths,
        confidence=votes / paths if paths else 0.0,
        margin=(votes - second) / paths if paths else 0.0,
        entropy=entropy(counts.values()),
        tied=tied,
    )


def heaviest(tied: list[str], keys: Sequence[str | None], weights: Sequence[float]) -> list[str]:
    """The tied keys whose paths have the largest total weight."""
    sums = {
        key: math.fsum(weight for voter, weight in zip(keys, weights, strict=True) if voter == key)
        for key in tied
    }
    return [key for key in tied if sums[key] == max(sums.values())]


def entropy(counts: Collection[int]) -> float:
    """The Shannon entropy of the votes in bits; 0 without votes.

    -sum(p * log2(p)) = (n * log2(n) - sum(c * log2(c))) / n for p = c / n, computed in integer units.
    """
    readable = sum(counts)
    units = entropy_units(readable) - sum(entropy_units(count) for count in counts)
    return float(units) / max(readable, 1) / ENTROPY_UNITS


def entropy_units(count: int) -> int:
    """c * log2(c) in units of 2**-44."""
    return round(count * math.log2(count) * ENTROPY_UNITS) if count else 0


def count_votes(
    keys: Sequence[str | None],
    offsets: Sequence[int],
    weights: Sequence[float] | None,
) -> list[Vote]:
    """Returns one vote per question, whose keys are between two adjacent offsets."""
    return [
        count_question(keys[begin:end], None if weights is None else weights[begin:end])
        for begin, end in pairwise(offsets)
    ]
