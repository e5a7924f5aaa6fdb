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


def available_memory() -> int:
    """Bytes that programs may still use; a very large number where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return found[0] if found else 1 << 60
