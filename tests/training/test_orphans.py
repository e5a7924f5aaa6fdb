"""After a run is killed, its trainers end; its lock stays taken until they have ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lmsi_kedro.durable import locked
from lmsi_kedro.training import launcher, lease
from tests.training.nodes import commands

HELD = """
import sys, time
from pathlib import Path
from lmsi_kedro.training import lease
lease.LEASE_SECONDS, lease.BEAT_SECONDS = 2.0, 0.1
print("started", flush=True)
lease.end_without(Path(sys.argv[1]), sys.argv[2])
time.sleep(60)
"""
TRAIN = (
    "import sys; from pathlib import Path; from lmsi_kedro.training import Job, train;"
    "train(Job.read(Path(sys.argv[1])))"
)
Start = Callable[[str], "subprocess.Popen[str]"]


def test_trainers_hold_the_locks_of_their_run(
    tmp_path: Path, make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "on_this_machine", lambda *_: [(["sleep", "60"], {})])
    path = tmp_path / ".lock"
    with (
        locked(path, wait=False),
        (tmp_path / "log").open("wb") as log,
        launcher.processes(make_job(), log) as running,
    ):
        files = Path(f"/proc/{running[0].pid}/fd").iterdir()
        assert path in {file.readlink() for file in files}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.1)
    return tmp_path / "lease"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """A function that starts a trainer with a token, as on another machine."""
    started = []

    def start(token: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HELD, str(path), token]
        trainer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(trainer)
        assert trainer.stdout
        assert trainer.stdout.readline() == "started\n"
        return trainer

    yield start
    for trainer in started:
        trainer.kill()
        trainer.communicate()


def test_trainer_runs_as_long_as_its_lease(path: Path, start: Start) -> None:
    with lease.granted(path) as token:
        mine, others = start(token), start("another")
        assert others.wait(timeout=30) == 1
        time.sleep(2.5)
        assert mine.poll() is None
    assert not path.exists()
    assert mine.wait(timeout=30) == 1


def test_orphaned_trainer_ends_before_the_next_starts(path: Path, start: Start) -> None:
    path.write_text("token 7")
    orphan = start("token")
    with lease.granted(path) as token:
        assert token != "token"
        assert orphan.poll() == 1


def test_lease_expires_unless_renewed(path: Path, start: Start) -> None:
    path.write_text("token 7")
    begin = time.monotonic()
    assert start("token").wait(timeout=30) == 1
    assert time.monotonic() - begin > 2


@pytest.mark.slow
def test_remote_ranks_end_with_a_killed_run(
    make_job: Any, hostfile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands(tmp_path, ssh_code=0)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    job = make_job(hostfile=str(hostfile), steps=2000)
    starter = subprocess.Popen([sys.executable, "-c", TRAIN, job.folder / "job.json"])
    while not job.progress.exists() or not job.progress.read_text():
        assert starter.poll() is None, job.log.read_text()
        time.sleep(0.1)
    alive = ranks(job.folder)
    assert len(alive) >= 2
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    time.sleep(1)
    assert ranks(job.folder), (
        "these ranks must not notice that their parent is gone, as on another machine"
    )
    with locked(job.folder / "lock", wait=False):
        assert not ranks(job.folder)
    assert not psutil.wait_procs(alive, timeout=5)[1]


def ranks(job: Path) -> list[psutil.Process]:
    """The processes that train this job or are about to."""
    found = (process for process in psutil.process_iter() if process.status() != "zombie")
    return [process for process in found if is_rank(process, job)]


def is_rank(process: psutil.Process, job: Path) -> bool:
    try:
        return process.pid != os.getpid() and str(job) in " ".join(process.cmdline())
    except psutil.Error:
        return False
