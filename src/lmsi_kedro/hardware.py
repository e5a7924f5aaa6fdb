"""What this machine computes in. Knows nothing of models."""

from functools import cache
from pathlib import Path


@cache
def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 natively; elsewhere it is emulated and float32 is faster."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "avx512_bf16" in flags.read_text()


def gpus() -> int:
    """How many NVIDIA GPUs the machine has, told without loading torch."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))
