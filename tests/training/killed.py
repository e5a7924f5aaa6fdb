"""A training that is killed at a checkpoint."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil

from lmsi_kedro.training import Job
from lmsi_kedro.training.launcher import failure

TRAIN = (
    "import sys; from pathlib import Path; from lmsi_kedro.training import Job, train;"
    "train(Job.read(Path(sys.argv[1])))"
)


def sealed(job: Job) -> list[int]:
    """The steps of complete checkpoints."""
    seals = Counter(path.parent.name for path in job.checkpoints.glob("checkpoint-*/seal-*.json"))
    return [int(name.removeprefix("checkpoint-")) for name, parts in seals.items() if parts == 2]


def kill_after_checkpoint(job: Job, step: int) -> None:
    """Start a training, kill its parent (kill -9) at a checkpoint, and check that its processes end, too."""
    starter = subprocess.Popen([sys.executable, "-c", TRAIN, job.folder / "job.json"])
    while step not in sealed(job):
        assert starter.poll() is None, failure(job, [])
        time.sleep(0.005)
    workers = psutil.Process(starter.pid).children()
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    assert len(workers) == 2
    assert not psutil.wait_procs(workers, timeout=60)[1]
