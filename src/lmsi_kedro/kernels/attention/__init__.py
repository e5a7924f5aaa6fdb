"""Attention over a prefix tree: `reference` is the specification; C++ computes a decoding step on the CPU,
Triton on a GPU.
"""

from typing import Any

import torch

from lmsi_kedro.kernels import dispatch

from . import reference
from .prefixes import Prefixes
from .reference import attend

__all__ = ["ROUNDING", "Prefixes", "attend", "attend_step", "implementation"]
NATIVE = (torch.float32, torch.bfloat16)
# The allowed difference between logits if sums are computed in different orders, relative to the largest logit.
# In bfloat16, it was at most .065 for twelve fine-tuned models, whereas positions that are off by one change
# logits by .24 or more. With int8 layers, it was at most .086 for eleven models; the model with .086 has .046 in
# bfloat16.
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 0.15, torch.float16: 0.02}


def attend_step(query: torch.Tensor, *rest: Any) -> torch.Tensor:
    """Computes `reference.attend_step` with the fastest implementation."""
    output: torch.Tensor = implementation(query.device, query.dtype).attend_step(query, *rest)
    return output


def implementation(device: torch.device, dtype: torch.dtype) -> Any:
    """The module that computes a step for tensors of this device and dtype."""
    picked = dispatch.implementation(device.type)
    if picked == "triton":
        from . import triton

        return triton
    if picked == "native" and dtype in NATIVE:
        from . import native

        return native
    return reference
