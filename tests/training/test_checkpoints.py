"""Damaged checkpoints are removed, and loading a checkpoint does not run code."""

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from deepspeed.runtime.checkpoint_engine import TorchCheckpointEngine

from lmsi_kedro import durable
from lmsi_kedro.training.checkpoints import SEAL, files, is_whole, newest_whole, seal
from lmsi_kedro.training.job import TrainingError
from lmsi_kedro.training.setup import prepare_deepspeed
from tests.training.unreadable import unreadable

NAMES = ["trainer_state.json", "rng_state_0.pth", "global_step4/model.pt", "global_step4/optim.pt"]
DAMAGES: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "changed": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"),
    "removed": Path.unlink,
}


def checkpoint(folder: Path, step: int, processes: int = 2) -> Path:
    path = folder / f"checkpoint-{step}"
    for name in NAMES:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(name.encode() * 10)
    for rank in range(processes):
        seal(path, rank, processes)
    return path


def whole(path: Path, processes: int = 2) -> bool:
    return all(is_whole(path, rank, processes) for rank in range(processes))


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group with only this process."""
    store = f"file://{tmp_path}/group"
    torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [*NAMES, f"{SEAL}0.json", f"{SEAL}1.json"])
def test_every_damage_is_detected(tmp_path: Path, name: str, damage: str) -> None:
    path = checkpoint(tmp_path, 4)
    assert whole(path)
    DAMAGES[damage](path / name)
    assert not whole(path)


@pytest.mark.parametrize("processes", [1, 3])
def test_checkpoint_of_other_process_count_is_kept(
    tmp_path: Path, group: None, processes: int
) -> None:
    path = checkpoint(tmp_path, 4)
    message = f"{path} was saved by 2 processes, but this training has {processes}: .*hostfile"
    with pytest.raises(TrainingError, match=message):
        newest_whole(tmp_path, 0, processes, torch.device("cpu"))
    assert whole(path)


def test_missing_seal_means_incomplete_checkpoint(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 4)
    (path / f"{SEAL}1.json").unlink()
    assert not is_whole(path, 0, 1)
    assert not is_whole(path, 0, 2)


def test_added_file_is_detected(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 4)
    (path / "global_step4/planted.pt").touch()
    assert not whole(path)


def test_newest_intact_checkpoint_is_taken(tmp_path: Path, group: None) -> None:
    cpu = torch.device("cpu")
    older, newer, newest = (checkpoint(tmp_path, step, 1) for step in (8, 16, 100))
    assert newest_whole(tmp_path, 0, 1, cpu) == newest
    (newest / NAMES[0]).write_text("{")
    (newer / f"{SEAL}0.json").unlink()
    assert newest_whole(tmp_path, 0, 1, cpu) == older
    assert list(tmp_path.glob("checkpoint-*")) == [older]
    (older / NAMES[1]).write_text("")
    assert newest_whole(tmp_path, 0, 1, cpu) is None
    assert newest_whole(tmp_path / "none", 0, 1, cpu) is None


@pytest.mark.parametrize("name", [NAMES[0], f"{SEAL}0.json", "global_step4", ".", ".."])
def test_temporarily_unreadable_checkpoint_is_kept(
    tmp_path: Path, group: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = checkpoint(tmp_path / "checkpoints", 4, 1)
    unreadable(monkeypatch, (path / name).resolve())
    with pytest.raises(TrainingError, match=r"cannot be read: .*the same command resumes"):
        newest_whole(path.parent, 0, 1, torch.device("cpu"))
    monkeypatch.undo()
    assert whole(path, 1)


def test_checkpoint_is_flushed_before_its_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []
    monkeypatch.setattr(durable, "flush", lambda path: flushed.append(Path(path).name))
    path = checkpoint(tmp_path, 4, processes=1)
    before = flushed[: flushed.index(f"{SEAL}0.json.tmp")]
    assert {*(file.name for file in files(path)), "global_step4", "checkpoint-4"} <= set(before)


class Planted:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TorchCheckpointEngine, "load", TorchCheckpointEngine.load)
    prepare_deepspeed()
    path, mark = tmp_path / "mp_rank_00_model_states.pt", tmp_path / "mark"
    torch.save({"module": {"weight": torch.ones(2)}, "step": 3}, path)
    engine = TorchCheckpointEngine()
    assert engine.load(str(path))["step"] == 3
    torch.save({"module": Planted(mark)}, path)
    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        engine.load(str(path), map_location="cpu")
    assert not mark.exists()
