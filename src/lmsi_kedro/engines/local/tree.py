"""The prefix tree as a transformers cache: shared prompt -> question -> path.

A model's attention layers hand their new keys to `PrefixTree.update` and then call `tree_attention`, which reads
the shared levels from the tree. It knows nothing of tokens or sampling.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, Cache
from transformers.cache_utils import DynamicLayer

from lmsi_kedro.kernels.attention.reference import Level, attend

NAME = "lmsi_tree"


class PathLayer(DynamicLayer):
    """Own keys and values of the rows, in a buffer of the final size: appending copies nothing else."""

    keys: Any
    values: Any

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity, self.length = capacity, 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Append [R, Hkv, T, D]; returns all own keys and values so far."""
        if not self.is_initialized:
            shape = (*key_states.shape[:2], self.capacity, key_states.shape[-1])
            self.keys, self.values = key_states.new_empty(shape), value_states.new_empty(shape)
            self.is_initialized = True
        start, self.length = self.length, self.length + key_states.shape[2]
        self.keys[:, :, start : self.length] = key_states
        self.values[:, :, start : self.length] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]


class PrefixTree(Cache):
    """levels[layer] are the prefixes that all rows share; `layers` hold the rows' own tokens."""

    layers: list[Any]

    def __init__(self, layers: int, capacity: int, levels: list[list[Level]]) -> None:
        super().__init__(layers=[PathLayer(capacity) for _ in range(layers)])
        self.levels = levels

    def as_shared(self) -> list[list[Level]]:
        """What the one row holds, as a level under every later row."""
        return [
            [*above, Level(layer.keys, layer.values)]
            for above, layer in zip(self.levels, self.layers, strict=True)
        ]

    def as_questions(self, lengths: Tensor) -> list[list[Level]]:
        """What the rows hold, as one prefix each; lengths [N] are without padding."""
        seen = torch.arange(self.layers[0].keys.shape[2]) < lengths.cpu()[:, None]
        visible = seen.to(lengths.device)
        return [
            [*above, Level(layer.keys, layer.values, visible)]
            for above, layer in zip(self.levels, self.layers, strict=True)
        ]

    def keep(self, rows: Tensor) -> None:
        """Drop the own tokens of all other rows."""
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]

    def assign(self, prefix: Tensor) -> None:
        """Row r continues prefix[r] of the last level."""
        members, slot = group(prefix, self.levels[0][-1].keys.shape[0])
        self.levels = [
            [*above, Level(last.keys, last.values, last.visible, members, slot)]
            for *above, last in self.levels
        ]


def group(prefix: Tensor, prefixes: int) -> tuple[Tensor, Tensor]:
    """members [N, A] and slot [R] (see Level) of rows that continue prefix[r]."""
    counts = torch.bincount(prefix, minlength=prefixes)
    order = prefix.argsort(stable=True)
    rank = (
        torch.arange(len(prefix), device=prefix.device) - (counts.cumsum(0) - counts)[prefix[order]]
    )
    width = int(counts.max())
    slot = torch.empty_like(prefix)
    slot[order] = prefix[order] * width + rank
    members = prefix.new_zeros(prefixes * width)
    members[slot] = torch.arange(len(prefix), device=prefix.device)
    return members.view(prefixes, width), slot


def tree_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    tree: PrefixTree | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls; [R, H, T, D] -> [R, T, H, D]."""
    for unsupported in ("softcap", "sliding_window"):
        if kwargs.get(unsupported) is not None:
            raise ValueError(f"{type(module).__name__} uses {unsupported}, which the tree lacks")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    levels = tree.levels[module.layer_idx] if tree is not None else []
    return attend(query, key, value, levels, scale).transpose(1, 2), None


AttentionInterface.register(NAME, tree_attention)
