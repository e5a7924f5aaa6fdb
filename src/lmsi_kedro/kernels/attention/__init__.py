"""Attention over a prefix tree; `reference` is the specification, of which C++ serves a step on the CPU.

LMSI_KERNELS=reference|native and LMSI_ISA=scalar|avx2|avx512 override the choice, as for token sampling.
"""

import os
from typing import Any

import torch

from . import reference
from .prefixes import Prefixes
from .reference import attend

try:
    from . import native
except ImportError:  # a checkout that was not built
    native = None  # type: ignore[assignment]

__all__ = ["Prefixes", "attend", "attend_step"]
NATIVE = (torch.float32, torch.bfloat16)


def attend_step(query: torch.Tensor, *rest: Any) -> torch.Tensor:
    """`reference.attend_step`, by what is fastest here."""
    wanted = os.environ.get("LMSI_KERNELS") != "reference"
    if native is not None and wanted and query.device.type == "cpu" and query.dtype in NATIVE:
        return native.attend_step(query, *rest)
    return reference.attend_step(query, *rest)
