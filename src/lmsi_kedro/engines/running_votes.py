"""Counts votes as chunks arrive: the share of paths that agree, and the questions that are decided.

Early stopping uses the Beta criterion of Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860, section 3).
"""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy

import polars as pl

Reader = Callable[[pl.DataFrame], pl.DataFrame]  # a chunk's table -> its question_id and key


class RunningVotes:
    """Counts canonical answers; an unparsable path has no vote. Without a reader, nothing is counted."""

    def __init__(self, read: Reader | None) -> None:
        self.read = read
        self.votes: dict[str, Counter[str]] = {}
        self.paths = self.agreeing = 0

    def copy(self) -> "RunningVotes":
        """An independent copy."""
        other = RunningVotes(self.read)
        other.votes = deepcopy(self.votes)
        other.paths, other.agreeing = self.paths, self.agreeing
        return other

    def add(self, table: pl.DataFrame) -> None:
        """Adds a chunk's paths."""
        if self.read is None:
            return
        self.paths += table.height
        for question, key in self.read(table).select("question_id", "key").iter_rows():
            votes = self.votes.setdefault(question, Counter())
            if key is not None:
                before = max(votes.values(), default=0)
                votes[key] += 1
                self.agreeing += votes[key] > before

    @property
    def agreement(self) -> float | None:
        """The share of paths that agree with their question's winner so far."""
        return self.agreeing / self.paths if self.paths else None

    def decided(self, confidence: float) -> set[str]:
        """The questions whose leading answer will stay ahead with at least this confidence."""
        return {question for question, votes in self.votes.items() if lead(votes) >= confidence}


def lead(votes: Counter[str]) -> float:
    """P(p > 1/2) for p ~ Beta(first + 1, second + 1): how likely the leading answer is to stay ahead."""
    from scipy.special import betainc

    (_, first), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    return float(betainc(second + 1, first + 1, 0.5))
