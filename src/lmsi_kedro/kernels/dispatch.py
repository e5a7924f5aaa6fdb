"""Selects the implementation of a kernel.

`reference` is the specification in Python, `native` is the C++ for CPUs, and `triton` is for GPUs. The environment
variable LMSI_KERNELS chooses between them:

    (unset)    the fastest one: triton on a GPU; on a CPU native, or reference if the C++ is not built
    native     the same as unset, except that it is an error if the C++ is not built
    reference  the reference on every device. It is slow, but it shows whether a wrong result comes from a kernel.

LMSI_ISA=scalar|avx2|avx512|avx512bf16 selects the instruction set of the C++.
"""

import logging
import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

Implementation = Literal["reference", "native", "triton"]
VARIABLE = "LMSI_KERNELS"
MODULE = "lmsi_kedro.kernels._native"
BUILD = "build them: pip install --no-deps -e ."
log = logging.getLogger(__name__)


def implementation(device: str = "cpu") -> Implementation:
    """The name of the implementation for a torch device type.

    Raises ValueError for an unknown LMSI_KERNELS, and ImportError if the C++ is built but cannot be loaded, or if
    LMSI_KERNELS requires it and it is not built.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "native", "reference"):
        raise ValueError(f"{VARIABLE} must be native, reference or unset, not {wanted!r}")
    if wanted == "reference":
        return "reference"
    if device == "cuda":
        return "triton"
    if device == "cpu" and is_built():
        return "native"
    if device == "cpu" and wanted == "native":
        raise ImportError(f"{VARIABLE} is native, but the C++ kernels are not built; {BUILD}")
    return "reference"


@cache
def is_built() -> bool:
    """Whether there is a compiled module; raises ImportError if it cannot be loaded."""
    if find_spec(MODULE) is None:
        log.warning("The C++ kernels are not built, so the slow reference is used; %s", BUILD)
        return False
    import_module(MODULE)
    return True
