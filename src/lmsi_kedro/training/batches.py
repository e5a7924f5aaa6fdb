"""Assigns examples to steps and processes for a whole training run; the seed determines the assignment.

Every step takes a random batch of the examples, epoch after epoch. Its examples are sorted, so that those with a
common prefix are neighbours, and cut into shares of about equal work: one for each micro-step of gradient
accumulation and each process. So the batch of a step, and therefore its gradient, is the same for any number of
processes. The loss of a step is the mean over its target tokens, each weighted by its example.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from lmsi_kedro.tasks.encoding import Encoded, alike

# The largest share determines the memory. To make steps faster, it may exceed its minimum by this factor. Measured
# for SmolLM2 with eight exemplars, two micro-steps and two processes, as tokens per step / tokens in the largest
# share: 2,770 / 1,640 for shares of equal sums; 2,570 / 1,310 for a factor of 1; 2,350 / 1,550 for 1.25;
# 2,210 / 1,830 without a limit.
SPARE = 1.25


@dataclass(frozen=True)
class BatchPlan:
    """The batches of a training run: indices of examples, [steps, batch size]."""

    rows: np.ndarray
    encoded: Sequence[Encoded]
    weights: Sequence[float]
    micro_steps: int
    processes: int

    @property
    def steps(self) -> int:
        return len(self.rows)

    def sequences(self, row: int) -> list[Encoded]:
        """The sequences of a row, which have a common prefix and are computed together."""
        return [self.encoded[row]]

    def work(self, row: int) -> int:
        """The tokens of a row; a common prefix of its sequences counts once."""
        own = [sequence.ids for sequence in self.sequences(row)]
        return sum(map(len, own)) - (len(own) - 1) * alike(own)

    def shares(self, step: int) -> list[list[int]]:
        """The rows of a step by share: micro-step 0 of all processes, then micro-step 1, and so on."""
        order = sorted(self.rows[step].tolist(), key=lambda row: self.encoded[row].ids)
        ids = [self.encoded[row].ids for row in order]
        repeated = [0, *(alike([one, two]) for one, two in pairwise(ids))]
        work = [self.work(row) for row in order]
        starts = cut(work, repeated, self.micro_steps, self.processes)
        return [order[start:end] for start, end in pairwise([*starts, len(order)])]

    def tokens(self, step: int) -> int:
        """The number of tokens in a step over all processes, without padding."""
        return sum(len(each.ids) for row in self.rows[step] for each in self.sequences(row))

    def target_tokens(self, step: int) -> int:
        """The number of tokens in a step that the loss covers."""
        return sum(each.target_tokens for row in self.rows[step] for each in self.sequences(row))

    def weight(self, step: int) -> float:
        """The total weight of a step's target tokens, by which its loss is divided."""
        return float(
            sum(self.weights[row] * self.encoded[row].target_tokens for row in self.rows[step])
        )


@dataclass(frozen=True)
class PairPlan(BatchPlan):
    """Batches of pairs: `encoded` has the chosen paths, `rejected` the rejected ones in the same order."""

    rejected: Sequence[Encoded]

    def sequences(self, row: int) -> list[Encoded]:
        return [self.encoded[row], self.rejected[row]]

    def weight(self, step: int) -> float:
        """The number of pairs in a step, not their total weight: small margins then give a small gradient."""
        return float(len(self.rows[step]))


def cut(
    lengths: Sequence[int], repeated: Sequence[int], micro_steps: int, processes: int
) -> list[int]:
    """The starts of the shares of consecutive rows: no share is empty, and processes wait little for each other.

    A row repeats the first `repeated` tokens of the row before it, which cost nothing unless the row begins a
    share. A micro-step takes as long as its largest share, which may exceed the minimum by SPARE. The result is
    optimal for one and two micro-steps.
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
    """The starts of the parts, chosen so that the largest part has the minimum number of tokens."""
    starts = filled(lengths, repeated, most_tokens(lengths, repeated, parts))
    while len(starts) < parts:  # another cut makes no part larger
        ends = [*starts[1:], len(lengths)]
        start, end = max(zip(starts, ends, strict=True), key=lambda part: part[1] - part[0])
        starts = sorted([*starts, (start + end) // 2])
    return starts


def most_tokens(lengths: Sequence[int], repeated: Sequence[int], parts: int) -> int:
    """The minimum number of tokens of the largest part, for this number of parts."""
    possible = range(max(lengths), sum(lengths))
    suffices = lambda most: len(filled(lengths, repeated, most)) <= parts  # noqa: E731
    return possible.start + bisect_left(possible, True, key=suffices)


def filled(lengths: Sequence[int], repeated: Sequence[int], most: int) -> list[int]:
    """The starts of the parts if each takes as many rows as fit into `most` tokens."""
    starts, tokens = [0], lengths[0]
    for row in range(1, len(lengths)):
        tokens += lengths[row] - repeated[row]
        if tokens > most:
            starts.append(row)
            tokens = lengths[row]
    return starts


def sample_rows(examples: int, steps: int, batch_size: int, seed: int) -> np.ndarray:
    """Rows for each step, from consecutive shuffled epochs, so that each example is seen equally often."""
    generator = np.random.default_rng(seed)
    epochs = -(-steps * batch_size // examples)
    order = np.concatenate([generator.permutation(examples) for _ in range(epochs)])
    return order[: steps * batch_size].reshape(steps, batch_size)


class MicroBatches(torch.utils.data.Dataset[list[int]]):
    """The rows of one process for each micro-step, in order."""

    def __init__(self, plan: BatchPlan, process: int) -> None:
        self.plan = plan
        self.process = process
        self.shares: dict[int, list[list[int]]] = {}

    def __len__(self) -> int:
        return self.plan.steps * self.plan.micro_steps

    def __getitem__(self, index: int) -> list[int]:
        step, micro_step = divmod(index, self.plan.micro_steps)
        if step not in self.shares:  # the micro-steps of a step are requested one after the other
            self.shares = {step: self.plan.shares(step)}
        return self.shares[step][micro_step * self.plan.processes + self.process]
