"""The instruction sets for which the C++ loops are compiled, and how a test selects one."""

from pathlib import Path

import pytest

ISAS = ("scalar", "avx2", "avx512", "avx512bf16")


def supported(isa: str) -> bool:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    named = {"avx2": " avx2", "avx512": " avx512dq", "avx512bf16": " avx512_bf16"}
    return isa == "scalar" or named[isa] in flags


def select(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the kernels run with this instruction set; skips the test if the machine does not have it."""
    if not supported(isa):
        pytest.skip(f"this machine has no {isa}")
    monkeypatch.setenv("LMSI_ISA", isa)
