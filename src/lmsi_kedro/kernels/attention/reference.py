"""Attention of rows that share prefixes: softmax(q [K_shared, K_question, K_own]^T) [V_shared, V_question, V_own].

Each level's keys exist once, however many rows read them; only the scores are per row. Exact: the softmax runs
in float32 over the concatenated scores. Knows nothing of models, caches or positions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Level:
    """Keys and values [N, Hkv, L, D] of N prefixes; row r reads prefix slot[r] // A, as its member slot[r] % A.

    members [N, A] lists the rows of each prefix (padded with row 0), so that they are computed together;
    visible [N, L] is False on padding. Both are None when one unpadded prefix serves all rows.
    """

    keys: Tensor
    values: Tensor
    visible: Tensor | None = None
    members: Tensor | None = None
    slot: Tensor | None = None


def attend(
    query: Tensor, keys: Tensor, values: Tensor, levels: list[Level], scale: float
) -> Tensor:
    """query [R, H, T, D], own keys and values [R, Hkv, S, D] -> [R, H, T, D].

    Own keys are causal: query t of T sees the first S - T + t + 1 of them. H is a multiple of Hkv.
    """
    rows, heads, length, width = query.shape
    grouped = query.reshape(rows, keys.shape[1], -1, width) * scale  # [R, Hkv, G * T, D]
    scores = [read(grouped, level) for level in levels]
    scores.append(causal(grouped @ keys.transpose(-1, -2), length))
    sizes = [score.shape[-1] for score in scores]
    weights = torch.cat(scores, -1).softmax(-1, dtype=torch.float32).to(values.dtype)
    *parts, own = weights.split(sizes, -1)
    output: Tensor = own @ values
    for part, level in zip(parts, levels, strict=True):
        output = output + gather(part, level)
    return output.view(rows, heads, length, width)


def causal(scores: Tensor, length: int) -> Tensor:
    """Hide the keys after each query; scores are [R, Hkv, G * T, S]."""
    if length == 1:
        return scores
    seen = torch.ones(length, scores.shape[-1], dtype=torch.bool, device=scores.device)
    seen = seen.tril(scores.shape[-1] - length).repeat(scores.shape[2] // length, 1)
    return scores.masked_fill(~seen, float("-inf"))


def read(query: Tensor, level: Level) -> Tensor:
    """Scores [R, Hkv, Q, L] of queries [R, Hkv, Q, D] against a level's keys."""
    if level.members is None or level.slot is None:
        rows, groups, count, width = query.shape
        folded = query.transpose(0, 1).reshape(groups, rows * count, width)
        scores = folded @ level.keys[0].transpose(-1, -2)  # one matrix product for all rows
        return scores.view(groups, rows, count, -1).transpose(0, 1)
    scores = fold(query, level.members) @ level.keys.transpose(-1, -2)  # [N, Hkv, A * Q, L]
    if level.visible is not None:
        scores = scores.masked_fill(~level.visible[:, None, None, :], float("-inf"))
    return unfold(scores, level.members, level.slot)


def gather(weights: Tensor, level: Level) -> Tensor:
    """Weighted values [R, Hkv, Q, D] of a level for weights [R, Hkv, Q, L]."""
    if level.members is None or level.slot is None:
        rows, groups, count, length = weights.shape
        folded = weights.transpose(0, 1).reshape(groups, rows * count, length)
        return (folded @ level.values[0]).view(groups, rows, count, -1).transpose(0, 1)
    return unfold(fold(weights, level.members) @ level.values, level.members, level.slot)


def fold(rows: Tensor, members: Tensor) -> Tensor:
    """[R, Hkv, Q, X] -> [N, Hkv, A * Q, X]: the rows of a prefix side by side."""
    return rows[members].transpose(1, 2).flatten(2, 3)


def unfold(folded: Tensor, members: Tensor, slot: Tensor) -> Tensor:
    """The inverse of `fold`: [N, Hkv, A * Q, X] -> [R, Hkv, Q, X]."""
    split: Tensor = folded.unflatten(2, (members.shape[1], -1)).transpose(1, 2)  # [N, A, Hkv, Q, X]
    rows: Tensor = split.flatten(0, 1)[slot]
    return rows
