"""Training on several nodes with a hostfile: DeepSpeed's own launcher starts two "nodes" on this machine."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from lmsi_kedro.training import Job, TrainingError, launcher, train
from lmsi_kedro.training.launcher import read_hostfile
from tests.training.jobs import MakeJob
from tests.training.nodes import commands


@pytest.mark.slow
def test_two_nodes_train_as_two_processes(
    make_job: MakeJob, hostfile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands(tmp_path, ssh_code=0)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    alone = json.loads((train(make_job("local")) / "training.json").read_text())
    nodes = json.loads(
        (train(make_job("nodes", hostfile=str(hostfile))) / "training.json").read_text()
    )
    assert nodes["losses"] == pytest.approx(alone["losses"], rel=1e-4)
    assert len(nodes["losses"]) == 10


@pytest.mark.slow
def test_unreachable_host_is_an_error(
    make_job: MakeJob, hostfile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands(tmp_path, ssh_code=255)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    with pytest.raises(TrainingError, match=r"training\.hostfile: a host of .* cannot be reached"):
        train(make_job("nodes", hostfile=str(hostfile)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("node-1\n", "line 1: 'node-1' is not of the form"),
        ("node-1 slots=1\nnode-2 slots=none\n", "line 2: "),
        ("# nobody\n", "names no host"),
    ],
)
def test_a_wrong_hostfile_is_named_before_training(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "hosts"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TrainingError, match=rf"training\.hostfile: .*{message}"):
        read_hostfile(path)


def test_hostfile_gives_slots_by_host(hostfile: Path) -> None:
    assert read_hostfile(hostfile) == {"node-1": 1, "node-2": 1}


def leaving(monkeypatch: pytest.MonkeyPatch, printed: str) -> list[Job]:
    """Replace trainers by ones that print this and exit with status 0 without a model; return their starts."""
    starts: list[Job] = []

    @contextlib.contextmanager
    def processes(job: Job, output: IO[bytes]) -> Iterator[list[subprocess.Popen[bytes]]]:
        starts.append(job)
        yield [subprocess.Popen(["echo", printed], stdout=output)]

    monkeypatch.setattr(launcher, "processes", processes)
    return starts


def test_launcher_exit_without_a_model_is_an_error(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = leaving(monkeypatch, "pdsh: interrupted")
    with pytest.raises(TrainingError, match="stopped without a result: pdsh: interrupted"):
        train(make_job())
    assert len(starts) == 1


def test_permanently_taken_port_is_an_error(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = leaving(monkeypatch, "EADDRINUSE: address in use")
    with pytest.raises(TrainingError, match="stopped without a result: EADDRINUSE"):
        train(make_job())
    assert len(starts) == 6
