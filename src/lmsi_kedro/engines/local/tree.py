"""The prefix tree as transformers caches: shared prompt -> question -> path.

A model's attention layers hand their new keys and values to the cache and then call `tree_attention`, which finds
there what the new tokens continue. It knows nothing of tokens or sampling.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, Cache
from transformers.cache_utils import DynamicLayer

from lmsi_kedro.kernels.attention import Prefixes, attend, attend_step

NAME = "lmsi_tree"
LANES = 16  # the native kernel reads keys and values in steps of so many numbers


class PassingLayer(DynamicLayer):
    """Keeps nothing: what a layer hands over is what it gets back."""

    keys: Any
    values: Any

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        self.keys, self.values = key_states, value_states
        return key_states, value_states


class Tree(Cache):
    """A cache whose layers pass their keys on; `attend` is given them by `tree_attention`."""

    layers: list[Any]

    def __init__(self, layers: int) -> None:
        super().__init__(layers=[PassingLayer() for _ in range(layers)])


class Prompts(Tree):
    """Prompts on their way to become prefixes: rows of new tokens after at most one shared prefix per layer."""

    def __init__(self, layers: int, shared: Sequence[Prefixes | None]) -> None:
        super().__init__(layers)
        self.shared = shared

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """[R, H, T, D] -> [R, T, H, D]"""
        return attend(query, key, value, self.shared[layer], scale).transpose(1, 2)

    def prefixes(self, lengths: Sequence[int]) -> list[Prefixes]:
        """What the rows hold, per layer; lengths are without padding."""
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
    """Paths of questions: a slot of own keys and values each, in buffers of the final size."""

    def __init__(
        self, shared: Sequence[Prefixes], questions: Sequence[Prefixes], slots: int, capacity: int
    ) -> None:
        super().__init__(len(questions))
        self.shared, self.questions = shared, questions
        self.own = [own_buffers(level, slots, capacity) for level in questions]
        # [R, 3]: the question of each row, its slot, and how many own tokens it has.
        self.rows = torch.zeros(0, 3, dtype=torch.long)
        self.placed = self.rows  # beside the keys, those of a step

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """[R, H, 1, D] -> [R, 1, H, D]"""
        levels = self.shared[layer], self.questions[layer]
        new = query[:, :, 0], key[:, :, 0], value[:, :, 0]
        return attend_step(*new, self.own[layer], self.placed, *levels, scale)[:, None]

    def add(self, questions: Tensor) -> None:
        """New rows, each in a free slot."""
        taken = set(self.rows[:, 1].tolist())
        free = [slot for slot in range(len(self.own[0][0])) if slot not in taken]
        slots = torch.tensor(free[: len(questions)], dtype=torch.long)
        new = torch.stack([questions, slots, torch.zeros_like(slots)], 1)
        self.rows = torch.cat([self.rows, new])

    def advance(self) -> None:
        """Each row has one more token; rows that only fill the batch stay within their slots."""
        self.rows[:, 2] = (self.rows[:, 2] + 1).clamp(max=self.own[0][0].shape[2] - 1)

    def keep(self, rows: Tensor) -> None:
        """Free the slots of all other rows."""
        self.rows = self.rows[rows]


def own_buffers(level: Prefixes, slots: int, capacity: int) -> tuple[Tensor, Tensor]:
    """Room for keys and values of so many paths and tokens."""
    _, heads, _, width = level.keys.shape
    shape = (slots, heads, capacity, -(-width // LANES) * LANES)
    return level.keys.new_zeros(shape), level.values.new_zeros(shape)


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
            raise ValueError(f"{type(module).__name__} uses {unsupported}, which the tree lacks")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return tree.attend(module.layer_idx, query, key, value, scale), None


AttentionInterface.register(NAME, tree_attention)
