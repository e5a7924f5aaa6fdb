"""What several paths continue: the keys and values of a shared prompt, or of questions, in one layer."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prefixes:
    """keys, values [N, Hkv, L, D] of N prefixes; prefix n has lengths[n] tokens, then padding."""

    keys: Tensor
    values: Tensor
    lengths: tuple[int, ...]

    def visible(self) -> Tensor:
        """[N, L], False on padding."""
        lengths = torch.tensor(self.lengths, device=self.keys.device)
        return torch.arange(self.keys.shape[2], device=self.keys.device) < lengths[:, None]

    @cached_property
    def packed(self) -> Any:
        """As the C++ reads them."""
        from . import native

        return native.packed(self)
