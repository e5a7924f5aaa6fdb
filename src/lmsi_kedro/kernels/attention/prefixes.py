"""The keys and values in one layer that several paths share: those of a shared prompt or of questions."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Prefixes:
    """The keys and values [N, Hkv, L, D] of N prefixes; prefix n has lengths[n] tokens, followed by padding."""

    keys: Tensor
    values: Tensor
    lengths: tuple[int, ...]

    @cached_property
    def counts(self) -> Tensor:
        """The lengths on the keys' device, [N] int32."""
        return torch.tensor(self.lengths, dtype=torch.int32, device=self.keys.device)

    def visible(self) -> Tensor:
        """The mask [N, L], True for tokens and False for padding."""
        return torch.arange(self.keys.shape[2], device=self.keys.device) < self.counts[:, None]
