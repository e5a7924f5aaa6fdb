"""Which examples a process computes when: the plan of a whole run, from the seed alone.

Every step takes a random batch of the examples, epoch after epoch. Its examples are sorted, so that those
that begin alike are neighbours, and cut into shares of equal work: one for each micro-step of
gradient accumulation and each process. So the batch of a step, hence its gradient, is the same for any
number of processes. The loss of a step is the mean over its target tokens, each weighted by its
example. Knows nothing of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch

from lmsi_kedro.tasks.encoding import Encoded, alike


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

    def shares(self, step: int) -> list[list[int]]:
        """The rows of a step, share by share: micro-step 0 of all processes, then micro-step 1."""
        order = sorted(self.rows[step].tolist(), key=lambda row: self.encoded[row].ids)
        sorted_examples = [self.encoded[row] for row in order]
        repeated = [0, *(alike([a.ids, b.ids]) for a, b in pairwise(sorted_examples))]
        new = [len(e.ids) - r for e, r in zip(sorted_examples, repeated, strict=True)]
        shares: list[list[int]] = [[] for _ in range(self.micro_steps * self.processes)]
        for row, share in zip(order, cut(new, len(shares)), strict=True):
            shares[share].append(row)
        return shares

    def tokens(self, step: int) -> int:
        """Tokens of a step over all processes, without padding."""
        return sum(len(self.encoded[row].ids) for row in self.rows[step])

    def target_tokens(self, step: int) -> int:
        """Tokens of a step that the loss covers."""
        return sum(self.encoded[row].target_tokens for row in self.rows[step])

    def weight(self, step: int) -> float:
        """The summed weight of a step's target tokens: what its loss is divided by."""
        return float(
            sum(self.weights[row] * self.encoded[row].target_tokens for row in self.rows[step])
        )


def cut(costs: Sequence[int], parts: int) -> list[int]:
    """The part of each cost: consecutive ones of about equal sums, none of them empty."""
    total, part, chosen = sum(costs), -1, []
    for place, (cost, until) in enumerate(zip(costs, accumulate(costs), strict=True)):
        by_cost = int((until - cost / 2) / total * parts)
        # Neither skips a part nor leaves fewer costs than parts that come after it.
        part = max(min(by_cost, part + 1), parts - len(costs) + place, 0)
        chosen.append(part)
    return chosen


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

    def __len__(self) -> int:
        return self.plan.steps * self.plan.micro_steps

    def __getitem__(self, index: int) -> list[int]:
        step, micro_step = divmod(index, self.plan.micro_steps)
        return self.plan.shares(step)[micro_step * self.plan.processes + self.process]
