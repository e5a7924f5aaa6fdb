"""Which examples a process computes when: the plan of a whole run, from the seed alone.

Every step takes a random batch of the examples, epoch after epoch. Inside a step the batch is
sorted by length and cut into length buckets, one for each micro-step of gradient accumulation, and
a bucket is dealt to the processes row by row. So padding is small, processes have equal work, and
the batch of a step, hence its gradient, is the same for any number of processes and buckets. The
loss of a step is the mean over its target tokens, each weighted by its example. Knows nothing of
models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lmsi_kedro.training.encoding import Encoded


@dataclass(frozen=True)
class Plan:
    """The batches of a run: rows of the examples, [steps, batch size]."""

    rows: np.ndarray
    encoded: Sequence[Encoded]
    weights: Sequence[float]
    buckets: int
    processes: int

    @property
    def steps(self) -> int:
        return len(self.rows)

    def shares(self, step: int, process: int) -> Iterator[list[int]]:
        """The rows of a process in a step, bucket by bucket."""
        by_length = sorted(self.rows[step].tolist(), key=lambda row: len(self.encoded[row].ids))
        for bucket in np.array_split(by_length, self.buckets):
            yield bucket[process :: self.processes].tolist()

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


def draw(examples: int, steps: int, batch_size: int, seed: int) -> np.ndarray:
    """Rows for each step: shuffled epochs in a row, so each example is seen equally often."""
    generator = np.random.default_rng(seed)
    epochs = -(-steps * batch_size // examples)
    order = np.concatenate([generator.permutation(examples) for _ in range(epochs)])
    return order[: steps * batch_size].reshape(steps, batch_size)


class MicroBatches(torch.utils.data.Dataset[dict[str, Any]]):
    """The padded micro-batches of one process, in the order in which it computes them."""

    def __init__(self, plan: Plan, process: int) -> None:
        self.plan = plan
        self.process = process

    def __len__(self) -> int:
        return self.plan.steps * self.plan.buckets

    def __getitem__(self, index: int) -> dict[str, Any]:
        step, bucket = divmod(index, self.plan.buckets)
        rows = list(self.plan.shares(step, self.process))[bucket]
        # Each process's gradient is averaged with the others', hence the factor.
        scale = self.plan.processes / self.plan.weight(step)
        batch = collate([self.plan.encoded[row] for row in rows])
        weights = [
            self.plan.weights[row] * scale
            for row in rows
            for _ in range(self.plan.encoded[row].target_tokens)
        ]
        # A list, since the Trainer casts float tensors to the model's precision.
        return {**batch, "weights": weights, "rows": rows}


def collate(encoded: Sequence[Encoded]) -> dict[str, torch.Tensor]:
    """Right-padded input_ids [B, T], and flat positions [N] that predict targets [N].

    No attention mask is needed: a causal model's real tokens never see the padding at their right.
    """
    width = max(len(example.ids) for example in encoded)
    input_ids = torch.zeros(len(encoded), width, dtype=torch.long)
    positions: list[int] = []
    targets: list[int] = []
    for row, example in enumerate(encoded):
        input_ids[row, : len(example.ids)] = torch.tensor(example.ids)
        start = row * width + example.prompt_tokens - 1
        positions += range(start, start + example.target_tokens)
        targets += example.ids[example.prompt_tokens :]
    return {
        "input_ids": input_ids,
        "positions": torch.tensor(positions),
        "targets": torch.tensor(targets),
    }
