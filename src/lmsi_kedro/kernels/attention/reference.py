"""The specification of attention over a prefix tree, in plain torch: shared prompt -> question -> path.

    softmax(scale * q [K_shared, K_question, K_own]^T) [V_shared, V_question, V_own]

There are H query heads and Hkv key heads; H / Hkv adjacent query heads share one key head. The softmax is computed
in float32.
"""

import torch
from torch import Tensor

from .prefixes import Prefixes


def attend(
    query: Tensor, keys: Tensor, values: Tensor, shared: Prefixes | None, scale: float
) -> Tensor:
    """Computes the attention of new tokens in rows that may share one prefix.

    query [R, H, T, D], keys, values [R, Hkv, T, D] -> [R, H, T, D].
    A token attends to the prefix, to the tokens before it in its row, and to itself.
    """
    rows, heads, length, width = query.shape
    grouped = query.reshape(rows, keys.shape[1], -1, width) * scale  # [R, Hkv, G * T, D]
    seen = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    hidden = ~seen.repeat(heads // keys.shape[1], 1)
    scores = (grouped @ keys.transpose(-1, -2)).masked_fill(hidden, float("-inf"))
    if shared is not None:
        scores = torch.cat([grouped @ shared.keys.transpose(-1, -2), scores], -1)
        keys, values = joined(shared.keys, keys), joined(shared.values, values)
    weights = scores.softmax(-1, dtype=torch.float32).to(values.dtype)
    output: Tensor = weights @ values
    return output.view(rows, heads, length, width)


def joined(prefix: Tensor, own: Tensor) -> Tensor:
    return torch.cat([prefix.expand(own.shape[0], -1, -1, -1), own], 2)


def attend_step(
    query: Tensor, key: Tensor, value: Tensor, own: tuple[Tensor, Tensor], paths: Tensor,
    shared: Prefixes, questions: Prefixes, scale: float,
) -> Tensor:  # fmt: skip
    """Computes the attention of one new token per path: query [R, H, D], key, value [R, Hkv, D] -> [R, H, D].

    own: the keys and the values of S slots, each [S, Hkv, C, >= D]; the new keys and values are appended to them.
    paths [R, 3]: for each path, the index of its question, its slot, and the number of its tokens in the slot.
    """
    question, slot, length = paths.to(query.device).unbind(1)
    rows, heads, width = query.shape
    columns = [shared.keys.expand(rows, -1, -1, -1)], [shared.values.expand(rows, -1, -1, -1)]
    for buffer, new, column, prefixes in zip(
        own, (key, value), columns, (questions.keys, questions.values), strict=True
    ):
        buffer[slot, :, length, :width] = new
        column.extend([prefixes[question], buffer[slot, ..., :width]])
    keys, values = (torch.cat(column, 2) for column in columns)  # [R, Hkv, L, D]
    seen = torch.cat(
        [
            torch.ones(rows, shared.keys.shape[2], dtype=torch.bool, device=query.device),
            questions.visible()[question],
            torch.arange(own[0].shape[2], device=query.device) <= length[:, None],
        ],
        1,
    )
    grouped = query.reshape(rows, key.shape[1], -1, width) * scale
    scores = (grouped @ keys.transpose(-1, -2)).masked_fill(~seen[:, None, None], float("-inf"))
    output: Tensor = scores.softmax(-1, dtype=torch.float32).to(values.dtype) @ values
    return output.view(rows, heads, width)
