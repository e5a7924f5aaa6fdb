"""Which examples a process computes when: the plan of a whole run, from the seed alone.

Every step takes a random batch of the examples, epoch after epoch. Its examples are sorted, so that those
that begin alike are neighbours, and cut into shares of about equal work: one for each micro-step of
gradient accumulation and each process. So the batch of a step, hence its gradient, is the same for any
number of processes. The loss of a step is the mean over its target tokens, each weighted by its
example. Knows nothing of models.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from lmsi_kedro.tasks.encoding import Encoded, alike

# How much larger than at best the largest share, which decides memory, may be for faster steps. SmolLM2 with eight
# exemplars, two micro-steps of two processes: shares of equal sums 2,770 tokens a step and 1,640 in the largest
# one; without spare room 2,570 and 1,310; with 1.25 2,350 and 1,550; without a limit 2,210 and 1,830.
SPARE = 1.25


@dataclass(frozen=True)
class BatchPlan:
    """The batches of a run: rows of the examples, [steps, batch size]."""

    rows: np.ndarray
    encoded: Sequence[Encoded]
    weights: Sequence[float]
    micro_steps: int
    processes: int

    @property
    def steps(self) -> int:
        return len(self.rows)

    def sequences(self, row: int) -> list[Encoded]:
        """What is computed of a row: they begin alike, and are computed together."""
        return [self.encoded[row]]

    def work(self, row: int) -> int:
        """The tokens of a row; what its sequences begin with alike counts once."""
        own = [sequence.ids for sequence in self.sequences(row)]
        return sum(map(len, own)) - (len(own) - 1) * alike(own)

    def shares(self, step: int) -> list[list[int]]:
        """The rows of a step, share by share: micro-step 0 of all processes, then micro-step 1."""
        order = sorted(self.rows[step].tolist(), key=lambda row: self.encoded[row].ids)
        ids = [self.encoded[row].ids for row in order]
        repeated = [0, *(alike([one, two]) for one, two in pairwise(ids))]
        work = [self.work(row) for row in order]
        starts = cut(work, repeated, self.micro_steps, self.processes)
        return [order[start:end] for start, end in pairwise([*starts, len(order)])]

    def tokens(self, step: int) -> int:
        """Tokens of a step over all processes, without padding."""
        return sum(len(each.ids) for row in self.rows[step] for each in self.sequences(row))

    def target_tokens(self, step: int) -> int:
        """Tokens of a step that the loss covers."""
        return sum(each.target_tokens for row in self.rows[step] for each in self.sequences(row))

    def weight(self, step: int) -> float:
        """The summed weight of a step's target tokens: what its loss is divided by."""
        return float(
            sum(self.weights[row] * self.encoded[row].target_tokens for row in self.rows[step])
        )


@dataclass(frozen=True)
class PairPlan(BatchPlan):
    """Batches of pairs: `encoded` are the chosen paths, `rejected` the others, in the same order."""

    rejected: Sequence[Encoded]

    def sequences(self, row: int) -> list[Encoded]:
        return [self.encoded[row], self.rejected[row]]

    def weight(self, step: int) -> float:
        """The pairs of a step: its loss is their mean, so that a small margin stays a small step."""
        return float(len(self.rows[step]))


def cut(
    lengths: Sequence[int], repeated: Sequence[int], micro_steps: int, processes: int
) -> list[int]:
    """Where each share of the rows begins: consecutive ones, none empty, so that processes wait least.

    A row repeats the first `repeated` tokens of the row before it, which cost nothing unless it begins a share. A
    micro-step takes as long as its largest share, and no share is much larger than the largest has to be. Exact
    for one and two micro-steps.
    """
    if micro_steps == 1:
        return parts_of(lengths, repeated, processes)
    first = micro_steps // 2
    second = micro_steps - first
    limit = SPARE * most_tokens(lengths, repeated, micro_steps * processes)

    def cost(place: int) -> tuple[bool, int]:
        left = most_tokens(lengths[:place], repeated[:place], first * processes)
        right = most_tokens(lengths[place:], repeated[place:], second * processes)
        return max(left, right) > limit, first * left + second * right

    places = range(first * processes, len(lengths) - second * processes + 1)
    place = min(places, key=cost)
    left = cut(lengths[:place], repeated[:place], first, processes)
    right = cut(lengths[place:], repeated[place:], second, processes)
    return [*left, *(place + start for start in right)]


def parts_of(lengths: Sequence[int], repeated: Sequence[int], parts: int) -> list[int]:
    """Where parts begin, the largest of which has as few tokens as can be."""
    starts = filled(lengths, repeated, most_tokens(lengths, repeated, parts))
    while len(starts) < parts:  # any cut makes two parts that are no larger
        ends = [*starts[1:], len(lengths)]
        start, end = max(zip(starts, ends, strict=True), key=lambda part: part[1] - part[0])
        starts = sorted([*starts, (start + end) // 2])
    return starts


def most_tokens(lengths: Sequence[int], repeated: Sequence[int], parts: int) -> int:
    """The tokens of the largest of so many parts, at best; a part has no fewer than its longest row."""
    possible = range(max(lengths), sum(lengths))
    suffices = lambda most: len(filled(lengths, repeated, most)) <= parts  # noqa: E731
    return possible.start + bisect_left(possible, True, key=suffices)


def filled(lengths: Sequence[int], repeated: Sequence[int], most: int) -> list[int]:
    """Where parts begin that take rows as long as they have at most so many tokens."""
    starts, tokens = [0], lengths[0]
    for row in range(1, len(lengths)):
        tokens += lengths[row] - repeated[row]
        if tokens > most:
            starts.append(row)
            tokens = lengths[row]
    return starts


def draw(examples: int, steps: int, batch_size: int, seed: int) -> np.ndarray:
    """Rows for each step: shuffled epochs in a row, so each example is seen equally often."""
    generator = np.random.default_rng(seed)
    epochs = -(-steps * batch_size // examples)
    order = np.concatenate([generator.permutation(examples) for _ in range(epochs)])
    return order[: steps * batch_size].reshape(steps, batch_size)


class MicroBatches(torch.utils.data.Dataset[list[int]]):
    """The rows of one process, micro-step by micro-step, in the order in which it computes them."""

    def __init__(self, plan: BatchPlan, process: int) -> None:
        self.plan = plan
        self.process = process
        self.shares: dict[int, list[list[int]]] = {}

    def __len__(self) -> int:
        return self.plan.steps * self.plan.micro_steps

    def __getitem__(self, index: int) -> list[int]:
        step, micro_step = divmod(index, self.plan.micro_steps)
        if step not in self.shares:  # all of a step's micro-steps follow each other
            self.shares = {step: self.plan.shares(step)}
        return self.shares[step][micro_step * self.plan.processes + self.process]
