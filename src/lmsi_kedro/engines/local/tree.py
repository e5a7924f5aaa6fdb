"""The prefix tree in the form of transformers caches: shared prompt -> question -> path.

An attention layer of the model passes its new keys and values to the cache and then calls `tree_attention`, which
finds the keys and values of earlier tokens in the cache.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, Cache
from transformers.cache_utils import DynamicLayer

from lmsi_kedro.kernels.attention import Prefixes, attend, attend_step

NAME = "lmsi_tree"
LANES = 16  # the native kernel reads keys and values in blocks of this many numbers


class PassingLayer(DynamicLayer):
    """A cache layer that stores only the newest keys and values, and returns them unchanged."""

    keys: Any
    values: Any

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        self.keys, self.values = key_states, value_states
        return key_states, value_states


class Tree(Cache):
    """A cache of PassingLayers; `tree_attention` passes their keys and values to its method `attend`."""

    layers: list[Any]

    def __init__(self, layers: int) -> None:
        super().__init__(layers=[PassingLayer() for _ in range(layers)])


class Prompts(Tree):
    """Computes prompts: each row has new tokens, which continue the shared prefix if there is one."""

    def __init__(self, layers: int, shared: Sequence[Prefixes | None]) -> None:
        super().__init__(layers)
        self.shared = shared

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """[R, H, T, D] -> [R, T, H, D]"""
        return attend(query, key, value, self.shared[layer], scale).transpose(1, 2)

    def prefixes(self, lengths: Sequence[int]) -> list[Prefixes]:
        """Return the rows as prefixes, one set per layer; `lengths`: their numbers of tokens, without padding."""
        whole, longest = tuple(lengths), max(lengths)
        return [
            Prefixes(
                layer.keys[:, :, :longest].contiguous(),
                layer.values[:, :, :longest].contiguous(),
                whole,
            )
            for layer in self.layers
        ]


class Paths(Tree):
    """Decodes paths: each path has a slot for its own keys and values in preallocated buffers."""

    def __init__(
        self, shared: Sequence[Any], questions: Sequence[Any], own: list[tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__(len(questions))
        self.shared, self.questions, self.own = shared, questions, own
        # [R, 3]: the question of each row, its slot, and the number of its own tokens.
        self.rows = torch.zeros(0, 3, dtype=torch.long)
        self.step_rows = self.rows  # the rows of the current step, on the device of the keys

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """[R, H, 1, D] -> [R, 1, H, D]"""
        levels = self.shared[layer], self.questions[layer]
        new = query[:, :, 0], key[:, :, 0], value[:, :, 0]
        return attend_step(*new, self.own[layer], self.step_rows, *levels, scale)[:, None]

    def add(self, questions: Tensor) -> None:
        """Adds a row for each of these questions, in free slots."""
        taken = set(self.rows[:, 1].tolist())
        free = [slot for slot in range(len(self.own[0][0])) if slot not in taken]
        slots = torch.tensor(free[: len(questions)], dtype=torch.long)
        new = torch.stack([questions, slots, torch.zeros_like(slots)], 1)
        self.rows = torch.cat([self.rows, new])

    def advance(self) -> None:
        """Counts another token in each row; finished rows, which only pad the batch, stay within their slots."""
        self.rows[:, 2] = (self.rows[:, 2] + 1).clamp(max=self.own[0][0].shape[2] - 1)

    def keep(self, rows: Tensor) -> None:
        """Frees the slots of all other rows."""
        self.rows = self.rows[rows]


def own_buffers(
    slots: int, heads: int, capacity: int, width: int, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Buffers for the keys and values of this many paths in a layer, each with up to `capacity` tokens."""
    shape = (slots, heads, capacity, -(-width // LANES) * LANES)
    return like.new_zeros(shape), like.new_zeros(shape)


def tree_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    tree: Any = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls; [R, H, T, D] -> [R, T, H, D]."""
    for unsupported in ("softcap", "sliding_window"):
        if kwargs.get(unsupported) is not None:
            raise ValueError(
                f"{type(module).__name__} uses {unsupported}, which the prefix tree does not support"
            )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return tree.attend(module.layer_idx, query, key, value, scale), None


AttentionInterface.register(NAME, tree_attention)
