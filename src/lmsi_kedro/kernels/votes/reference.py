"""The specification of `count_votes`, in plain Python.

Nothing here depends on the order of a question's paths: counts are integers, weights are summed
exactly (`math.fsum`), entropy adds its terms by ascending count, and ties are listed sorted. Knows
nothing of texts, rules of reading, or what the winner is used for.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


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
    """The vote of one question's paths; `weights` break ties, None lets a tie abstain."""
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
        entropy=entropy(sorted(counts.values())),
        tied=tied,
    )


def heaviest(tied: list[str], keys: Sequence[str | None], weights: Sequence[float]) -> list[str]:
    """Those of the tied keys whose paths weigh most together."""
    sums = {
        key: math.fsum(weight for voter, weight in zip(keys, weights, strict=True) if voter == key)
        for key in tied
    }
    return [key for key in tied if sums[key] == max(sums.values())]


def entropy(counts: list[int]) -> float:
    """Shannon entropy in nats of the votes of readable paths; 0 for none."""
    readable = sum(counts)
    return sum((c / readable * math.log(readable / c) for c in counts), start=0.0)


def count_votes(
    keys: Sequence[str | None],
    offsets: Sequence[int],
    weights: Sequence[float] | None,
) -> list[Vote]:
    """One vote per pair of neighbouring offsets."""
    return [
        count_question(keys[begin:end], None if weights is None else weights[begin:end])
        for begin, end in pairwise(offsets)
    ]
