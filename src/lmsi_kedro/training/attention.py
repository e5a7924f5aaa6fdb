"""Attention for training on packed batches with shared prefixes.

On a CPU it runs in float32, since torch's backward pass of bfloat16 attention is slow: 8 sequences of 128 tokens
with 5 heads of width 32 take 13.0 ms, compared with 3.2 ms in float32; with 330 tokens, they take 28 and 17 ms.
Wide heads in bfloat16 have C++ of their own: on a Zen 4 core, 8 leaves of 174 tokens after 946 common ones, with
9 heads of width 64, take 111 ms forward and backward, in float32 318 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout, scaled_dot_product_attention
from transformers import AttentionInterface

from lmsi_kedro.kernels import dispatch
from lmsi_kedro.training.forest import Tree, segments

NAME = "lmsi_forest"
# Narrower heads are those of the embedded models, whose reported figures were measured with float32.
NARROWEST, WIDEST, MULTIPLE = 64, 256, 16


def forest_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    forest: Sequence[Tree],
    scaling: float | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls; [1, H, N, D] -> [1, N, H, D]."""
    rules = Rules(
        query.shape[-1] ** -0.5 if scaling is None else scaling,
        rest.get("sliding_window"),
        rest.get("softcap"),
        rest.get("dropout", 0.0),
    )
    if rules.plain and native(query):
        from lmsi_kedro.kernels.attention.forest import AttendForest

        row = [part[0].transpose(0, 1).contiguous() for part in (query, key, value)]
        return AttendForest.apply(*row, segments(forest), rules.scale)[None], None  # type: ignore[no-untyped-call]
    wide = [part.float() if part.device.type == "cpu" else part for part in (query, key, value)]
    # Heads of keys and values are repeated to match those of the query: all [1, H, N, D].
    q, k, v = (part.repeat_interleave(query.shape[1] // part.shape[1], 1) for part in wide)
    parts = [part for tree in forest for part in attend(q, k, v, tree, rules)]
    padding = q.shape[2] - sum(map(len, parts))
    parts.append(q.new_zeros(padding, query.shape[1], v.shape[-1]))
    return torch.cat(parts)[None].to(query.dtype), None


def native(query: Tensor) -> bool:
    """Whether the C++ computes heads like these."""
    fitting = query.dtype == torch.bfloat16 and NARROWEST <= query.shape[-1] <= WIDEST
    return (
        fitting
        and not query.shape[-1] % MULTIPLE
        and dispatch.implementation(query.device.type) == "native"
    )


@dataclass(frozen=True)
class Rules:
    """The settings of a layer's attention."""

    scale: float
    window: int | None
    softcap: float | None
    dropout: float

    @property
    def plain(self) -> bool:
        return not (self.window or self.softcap or self.dropout)

    def visible(self, before: int, length: int) -> Tensor:
        """The mask [length, before + length]: which keys each of the last `length` tokens attends to."""
        places = torch.arange(before + length)
        behind = places[before:, None] - places
        return (behind >= 0) & (behind < (self.window or before + length))

    def apply(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of the last tokens [K, H, T, D] to all [K, H, P + T, D]."""
        length, before = q.shape[2], k.shape[2] - q.shape[2]
        seen = self.visible(before, length).to(q.device)
        if self.softcap is None:
            # With the causal flag in place of a mask, half of the work is skipped.
            causal = self.window is None and not before
            return scaled_dot_product_attention(
                q, k, v, None if causal else seen, self.dropout, causal, scale=self.scale
            )
        scores = self.softcap * torch.tanh(q @ k.transpose(-1, -2) * self.scale / self.softcap)
        weights = scores.masked_fill(~seen, float("-inf")).softmax(-1, dtype=torch.float32)
        return dropout(weights, self.dropout).to(v.dtype) @ v


def attend(q: Tensor, k: Tensor, v: Tensor, tree: Tree, rules: Rules) -> list[Tensor]:
    """The attention outputs of a tree's tokens in the order of the row: prefix [P, H, D], leaves [L, H, D]."""
    above = slice(tree.start, tree.start + tree.prefix)
    outputs = []
    if tree.prefix:
        outputs.append(rules.apply(q[:, :, above], k[:, :, above], v[:, :, above])[0])
    leaves, flat = tree.leaves.shape, tree.leaves.flatten()
    own = [part[0].index_select(1, flat).unflatten(1, leaves).transpose(0, 1) for part in (q, k, v)]
    shared = [part[:, :, above].expand(leaves[0], -1, -1, -1) for part in (k, v)]
    keys, values = (torch.cat(pair, 2) for pair in zip(shared, own[1:], strict=True))
    leaf = rules.apply(own[0], keys, values).transpose(1, 2)[tree.real]
    return [*(output.transpose(0, 1) for output in outputs), leaf]


# No mask function is registered, so transformers does not build an [N, N] mask in each forward pass.
AttentionInterface.register(NAME, forest_attention)
