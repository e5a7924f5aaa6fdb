"""Random inputs of an attention step, in float32 or bfloat16."""

from typing import Any

import torch

from lmsi_kedro.kernels.attention import Prefixes


def case(shape: Any, dtype: torch.dtype) -> dict[str, Any]:
    rows, heads, key_heads, width, shared, lengths = shape
    g = torch.Generator().manual_seed(0)

    def random(*size: int) -> torch.Tensor:
        return (2 * torch.randn(*size, generator=g)).to(dtype)

    def prefixes(lengths: tuple[int, ...]) -> Prefixes:
        size = (len(lengths), key_heads, max(lengths), width)
        return Prefixes(random(*size), random(*size), lengths)

    slots, capacity = rows + 3, 270
    own = tuple(
        torch.zeros(slots, key_heads, capacity, -(-width // 16) * 16, dtype=dtype) for _ in "kv"
    )
    for buffer in own:
        buffer[..., :width] = random(slots, key_heads, capacity, width)
    paths = torch.stack(
        [
            torch.randint(0, len(lengths), (rows,), generator=g).sort().values,
            torch.randperm(slots, generator=g)[:rows],
            torch.randint(0, capacity, (rows,), generator=g),
        ],
        1,
    )
    return {
        "query": random(rows, heads, width), "key": random(rows, key_heads, width),
        "value": random(rows, key_heads, width), "own": own, "paths": paths,
        "shared": prefixes((shared,)), "questions": prefixes(lengths), "scale": width**-0.5,
    }  # fmt: skip


def wide(given: Any) -> Any:
    """The same numbers in float32, with the same nesting."""
    if isinstance(given, dict):
        return {name: wide(part) for name, part in given.items()}
    if isinstance(given, Prefixes):
        return Prefixes(given.keys.float(), given.values.float(), given.lengths)
    if isinstance(given, tuple):
        return tuple(wide(part) for part in given)
    return given.float() if getattr(given, "is_floating_point", bool)() else given
