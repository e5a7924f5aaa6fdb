"""The one place where a kernel's implementation is picked.

`reference` is the specification, `native` the C++, `triton` serves GPUs. The environment variable LMSI_KERNELS:

    (unset)    the fastest: triton on a GPU; native on the CPU, or reference in a checkout that was not built
    native     the same, but an error in a checkout that was not built
    reference  the specification everywhere, a GPU included: slow, for finding out whether a kernel is at fault

LMSI_ISA=scalar|avx2|avx512|avx512bf16 picks the instruction set of the C++.
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
    """What serves kernels on a device of this torch type.

    ValueError for an unknown LMSI_KERNELS; ImportError when the C++ is built and cannot be loaded, or LMSI_KERNELS
    asks for it and it is not built.
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
    """Whether there is a compiled module; ImportError when there is one that cannot be loaded."""
    if find_spec(MODULE) is None:
        log.warning("The C++ kernels are not built, the slow reference serves; %s", BUILD)
        return False
    import_module(MODULE)
    return True
