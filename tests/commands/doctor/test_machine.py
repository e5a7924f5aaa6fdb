"""Each check of the machine passes on a working machine and reports what is missing on others."""

from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from lmsi_kedro import hardware
from lmsi_kedro.commands.doctor import machine
from lmsi_kedro.commands.doctor.machine import check_machine


def test_this_machine_passes_all_checks() -> None:
    found = {finding.name: finding for finding in check_machine()}
    assert list(found) == [
        "packages", "kernels", "compiler", "extension locks", "DeepSpeed", "GPUs",
    ]  # fmt: skip
    assert not [str(finding) for finding in found.values() if not finding.is_well]
    assert torch.__version__ in found["packages"].result


def test_outdated_or_missing_package_is_named() -> None:
    wrong = machine.packages([Requirement("torch>=99"), Requirement("no-such-package")])
    assert not wrong.is_well
    assert f"torch>=99 is needed, {torch.__version__} is installed" in wrong.result
    assert "no-such-package is not installed" in wrong.result
    assert "constraints.txt" in str(wrong)


def test_only_required_dependencies_are_checked() -> None:
    names = {requirement.name for requirement in machine.needed()}
    assert {"torch", "kedro", "deepspeed"} <= names
    assert not {"ray", "pytest"} & names


def test_missing_compiler_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert "apt install g++" in str(machine.compiler())


def test_stale_build_locks_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.locks(tmp_path / "absent").is_well
    lock = tmp_path / "py311_cpu" / "cpu_adam" / "lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    monkeypatch.setattr(machine, "building", lambda: False)
    assert f"rm {lock}" in str(machine.locks(tmp_path))
    monkeypatch.setattr(machine, "building", lambda: True)
    assert machine.locks(tmp_path).is_well


def test_gpus_unusable_by_torch_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "gpus", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert "2 found, but torch" in machine.gpus().result
    assert not machine.gpus().is_well
