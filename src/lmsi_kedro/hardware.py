"""Detects the number formats, GPUs and free memory of this machine."""

import os
import platform
import re
import subprocess
import sys
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

DEVICES = Path("/dev")


@cache
def cpu_has_bfloat16() -> bool:
    """Returns whether the CPU multiplies bfloat16 natively; elsewhere, float32 is about as fast."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "avx512_bf16" in flags.read_text()


def gpus() -> int:
    """Returns the number of NVIDIA GPUs that this process may use; counting them does not import torch."""
    return len(visible_gpus())


def visible_gpus() -> list[str]:
    """Returns the names of usable GPUs: those in CUDA_VISIBLE_DEVICES if a scheduler set it, or else 0, 1, ..."""
    present = [str(number) for number, _ in enumerate(DEVICES.glob("nvidia[0-9]*"))]
    named = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(present)).split(",")
    usable = takewhile(lambda name: name and not name.startswith("-"), map(str.strip, named))
    return list(usable)[: len(present)]


@cache
def free_memory(workers: int) -> int:
    """Measures the free bytes per worker, once: on the GPU with the least free memory or, without GPUs, in RAM."""
    free = free_on_gpus() if gpus() else []
    if not free:  # no GPU, or none that torch can use
        return available_memory() // workers
    return min(free) // -(-workers // len(free))


def free_on_gpus() -> list[int]:
    """Returns the free bytes of each GPU, queried in a subprocess: initialising CUDA here would hold 0.5 GiB."""
    script = (
        "import torch.cuda as c; n = c.device_count() if c.is_available() else 0; "
        "print(*(c.mem_get_info(i)[0] for i in range(n)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE
    ).stdout
    return [int(number) for number in output.split()]


def available_memory() -> int:
    """Returns the bytes that programs may still use, or a very large number if the system does not report them."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return found[0] if found else 1 << 60


def machine() -> dict[str, Any]:
    """Describes the machine for reports: cpu, cores that this process may use, memory_gib, and names of gpus."""
    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    cpu = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    memory = re.search(r"MemTotal:\s*(\d+)", meminfo.read_text()) if meminfo.exists() else None
    cards = Path("/proc/driver/nvidia/gpus").glob("*/information")
    models = (re.search(r"Model:\s*(.+)", card.read_text()) for card in sorted(cards))
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20) if memory else None,
        "gpus": [found[1] for found in models if found],
    }
