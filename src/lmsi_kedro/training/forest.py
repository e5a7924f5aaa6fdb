"""Packs examples into one row of tokens in which examples with a common prefix share it.

    tree: prefix [P], then its leaves [T_1], [T_2], ... each of which continues the prefix

The few-shot prompts of a task begin with the same exemplars, so these are computed once per batch, not once per
example. In `attention`, a token attends only to earlier tokens of its own leaf and to its prefix. Every token has
the position that it would have in an unpacked example, so logits and gradients are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lmsi_kedro.tasks.encoding import Encoded, alike

# A shorter common prefix is repeated, since another tree costs more than this many tokens.
MIN_SHARED = 16
# Rows are padded to a multiple of this, because on a CPU matrix products are compiled for each new shape.
LENGTH_MULTIPLE = 64


@dataclass(frozen=True)
class Tree:
    """The positions of a prefix, [start, start + prefix), and of its leaves in the row.

    leaves [K, T] has the positions of each leaf's tokens, padded with the first one; real [K, T] is False on the
    padding. The leaves directly follow the prefix and each other.
    """

    start: int
    prefix: int
    leaves: Tensor
    real: Tensor

    def to(self, device: torch.device) -> "Tree":
        return Tree(self.start, self.prefix, self.leaves.to(device), self.real.to(device))


def plant(encoded: Sequence[Encoded]) -> dict[str, Any]:
    """Packs examples into a row [1, N]; the flat positions [L] in it predict the targets [L].

    Only neighbours share a prefix, so examples should be sorted. Targets are in the order of the examples.
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
            # Token p of the example is in the prefix, or p - prefix tokens after the start of its leaf.
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
    """Pads examples to rows [B, T], for models that do not support packed batches.

    There is no attention mask, since in a causal model no token attends to the padding on its right.
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
    """The tree whose leaves begin at these positions; the last leaf ends at `end`."""
    first = torch.tensor(begins)[:, None]
    lengths = torch.tensor([*begins[1:], end])[:, None] - first
    steps = torch.arange(int(lengths.max()))[None, :]
    real = steps < lengths
    return Tree(start, prefix, torch.where(real, first + steps, first), real)


def segments(forest: Sequence[Tree]) -> Tensor:
    """Each prefix and leaf [3]: start, length, and the number of its prefix here, or -1."""
    rows: list[Tensor] = []
    for each in forest:
        above = sum(map(len, rows))
        lengths = each.real.sum(1)
        rows.append(torch.tensor([[each.start, each.prefix, -1]]))
        rows.append(torch.stack([each.leaves[:, 0], lengths, torch.full_like(lengths, above)], 1))
    return torch.cat(rows)


def grouped(encoded: Sequence[Encoded]) -> list[list[Encoded]]:
    """Groups neighbours with a common prefix of at least MIN_SHARED tokens, and the others by similar length."""
    groups, sharing = [[encoded[0]]], False  # whether the last group has a common prefix
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
    """The length of a group's common prefix; 0 for a single example."""
    return alike([example.ids for example in group]) if len(group) > 1 else 0
