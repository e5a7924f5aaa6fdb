"""Computes maj@k and pass@k exactly over all subsets of a question's sampled paths."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from lmsi_kedro import statistics
from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.tasks import Tasks


def measure_curves(
    readings: pl.DataFrame, labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks
) -> dict[str, Any]:
    """Computes maj@k and pass@k of the self-consistency paths over all k-subsets, pooled over in-domain tasks.

    k is 1, 2, 4, ... and m. A tie is wrong in maj@k (docs/metrics.md).
    """
    groups = tallies(readings, labels, questions, tasks)
    m = min((group.paths for group in groups.values()), default=0)
    ks = [2**i for i in range(m.bit_length()) if 2**i < m] + ([m] if m else [])
    return {
        "questions": len(groups),
        "k": ks,
        "maj": [_mean([group.maj(k) for group in groups.values()]) for k in ks],
        "pass": [_mean([group.passes(k) for group in groups.values()]) for k in ks],
    }


def tallies(
    readings: pl.DataFrame, labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks
) -> "dict[str, Tally]":
    """Counts the self-consistency paths of every in-domain question, by question_id."""
    voted = readings.filter(
        pl.col("mode") == "self_consistency", pl.col("task").is_in(tasks.in_domain)
    )
    accepted = dict(accepted_keys(labels, questions, tasks).iter_rows())
    return {
        str(question): Tally.of(rows["key"].to_list(), accepted[str(question)])
        for (question,), rows in voted.partition_by("question_id", as_dict=True).items()
    }


class Tally(NamedTuple):
    """The number of a question's paths with each accepted answer, with each other answer, and with none."""

    right: list[int]
    wrong: list[int]
    unread: int

    @classmethod
    def of(cls, keys: Sequence[str | None], accepted: Sequence[str]) -> "Tally":
        counts = Counter(keys)
        unread = counts.pop(None, 0)
        right = [count for key, count in counts.items() if key in accepted]
        return cls(right, [count for key, count in counts.items() if key not in accepted], unread)

    @property
    def paths(self) -> int:
        return sum(self.right) + sum(self.wrong) + self.unread

    def maj(self, k: int) -> float:
        """Returns the share of k-subsets in which an accepted answer is the only winner."""
        others = [
            [*self.right[:i], *self.right[i + 1 :], *self.wrong] for i in range(len(self.right))
        ]
        return sum(
            statistics.maj_at_k(count, rest, self.unread, k)
            for count, rest in zip(self.right, others, strict=True)
        )

    def passes(self, k: int) -> float:
        return statistics.pass_at_k(sum(self.right), self.paths, k)


def _mean(shares: list[float]) -> float:
    return sum(shares) / len(shares)
