"""Examples as one row of tokens, without padding, in which those that begin alike share their beginning.

    tree: prefix [P], then its leaves [T_1], [T_2], ... each of which continues the prefix

The few-shot prompts of a task begin with the same exemplars, so a batch pays for them once, not once per
example. A token sees its own leaf and its prefix before it, nothing else; `attention` sees to that. Positions
are those that each example has alone, so logits and gradients are too. Knows nothing of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lmsi_kedro.tasks.encoding import Encoded, alike

# A shorter common beginning is repeated: another tree costs more than so many tokens.
MIN_SHARED = 16
# Each new shape costs a CPU newly compiled matrix products: rows of few different lengths.
LENGTH_MULTIPLE = 64


@dataclass(frozen=True)
class Tree:
    """Where in the row a prefix [start, start + prefix) and its leaves are.

    leaves [K, T] holds the place of each leaf's tokens, padded with its first one's; real [K, T] is False on
    the padding. The leaves follow the prefix and one another without a gap.
    """

    start: int
    prefix: int
    leaves: Tensor
    real: Tensor

    def to(self, device: torch.device) -> "Tree":
        return Tree(self.start, self.prefix, self.leaves.to(device), self.real.to(device))


def plant(encoded: Sequence[Encoded]) -> dict[str, Any]:
    """The row [1, N] of some examples, and flat positions [L] in it that predict the targets [L].

    Only neighbours share their beginning, so sorted examples share most. Targets are in their order.
    """
    ids: list[int] = []
    places: list[int] = []
    predicting: list[int] = []
    trees = []
    for group in grouped(encoded):
        start, prefix = len(ids), common(group)
        ids += group[0].ids[:prefix]
        places += range(prefix)
        begins = []
        for example in group:
            begin = len(ids)
            begins.append(begin)
            # Token p of the example is in the prefix, or p - prefix behind where the leaf begins.
            predicts = range(example.prompt_tokens - 1, len(example.ids) - 1)
            predicting += [start + p if p < prefix else begin + p - prefix for p in predicts]
            ids += example.ids[prefix:]
            places += range(prefix, len(example.ids))
        trees.append(tree(start, prefix, begins, len(ids)))
    missing = -len(ids) % LENGTH_MULTIPLE
    return {
        "input_ids": torch.tensor([ids + [0] * missing]),
        "position_ids": torch.tensor([places + [0] * missing]),
        "forest": trees,
        "positions": torch.tensor(predicting),
        "targets": targets(encoded),
    }


def pad(encoded: Sequence[Encoded]) -> dict[str, Any]:
    """The same of examples in rows [B, T] of their own, for models that attend in another way.

    No attention mask is needed: a causal model's real tokens never see the padding at their right.
    """
    longest = max(len(example.ids) for example in encoded)
    width = -(-longest // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
    rows = [example.ids + [0] * (width - len(example.ids)) for example in encoded]
    predicting = [
        row * width + place
        for row, example in enumerate(encoded)
        for place in range(example.prompt_tokens - 1, len(example.ids) - 1)
    ]
    return {
        "input_ids": torch.tensor(rows),
        "positions": torch.tensor(predicting),
        "targets": targets(encoded),
    }


def targets(encoded: Sequence[Encoded]) -> Tensor:
    return torch.tensor([token for e in encoded for token in e.ids[e.prompt_tokens :]])


def tree(start: int, prefix: int, begins: list[int], end: int) -> Tree:
    """The tree of leaves that begin at these places, the last of which ends at `end`."""
    first = torch.tensor(begins)[:, None]
    lengths = torch.tensor([*begins[1:], end])[:, None] - first
    steps = torch.arange(int(lengths.max()))[None, :]
    real = steps < lengths
    return Tree(start, prefix, torch.where(real, first + steps, first), real)


def grouped(encoded: Sequence[Encoded]) -> list[list[Encoded]]:
    """Neighbours that begin with the same MIN_SHARED tokens or more; between them, loose ones alike in length."""
    groups, sharing = [[encoded[0]]], False  # whether the examples of the last group do
    for one, other in pairwise(encoded):
        last, similar = groups[-1], alike([one.ids, other.ids]) >= MIN_SHARED
        if similar and not sharing and len(last) > 1:
            groups.append([last.pop(), other])
        elif similar or (not sharing and pads_little([*last, other])):
            last.append(other)
        else:
            groups.append([other])
        sharing = similar
    return groups


def pads_little(examples: Sequence[Encoded]) -> bool:
    """Whether no example is more than twice as long as another."""
    lengths = [len(example.ids) for example in examples]
    return max(lengths) <= 2 * min(lengths)


def common(group: Sequence[Encoded]) -> int:
    """Tokens that all of a group begin with; an example alone shares none."""
    return alike([example.ids for example in group]) if len(group) > 1 else 0
