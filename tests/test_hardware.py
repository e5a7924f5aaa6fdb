"""A process uses the GPUs that its scheduler makes visible, and workers share them."""

import os
from pathlib import Path

import pytest

from lmsi_kedro import hardware
from lmsi_kedro.engines.executors.processes import Started, start_worker


@pytest.fixture(autouse=True)
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with four GPUs."""
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(hardware, "DEVICES", tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, ["0", "1", "2", "3"]), ("2,3", ["2", "3"]), ("3", ["3"]), ("", []), ("-1", []),
     ("1, 0", ["1", "0"]), ("2,-1,3", ["2"]), ("GPU-5a,MIG-7", ["GPU-5a", "MIG-7"])],
)  # fmt: skip
def test_visible_gpus_are_those_of_the_scheduler(
    given: str | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert hardware.visible_gpus() == expected
    assert hardware.gpus() == len(expected)


def test_no_gpu_where_the_machine_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "DEVICES", tmp_path / "absent")
    for given in ("0", "2,3"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert hardware.gpus() == 0


def test_workers_take_the_visible_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started(3)
    taken = []
    for number in range(3):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
        start_worker(os.getppid(), number, started)
        taken.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert taken == ["2", "3", "2"]
    assert list(started.pids) == [os.getpid()] * 3
