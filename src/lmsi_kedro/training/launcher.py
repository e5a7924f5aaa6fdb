"""Starts the trainer's processes, shows their progress, and never leaves one behind.

The environment is the one that the `deepspeed` launcher gives to local processes; starting them
directly saves its two rounds of imports. Knows nothing of what is computed.
"""

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from lmsi_kedro.durable import locked
from lmsi_kedro.training.job import Job, TrainingError

log = logging.getLogger(__name__)
REPORT_SECONDS = 5.0
TRAINER = "lmsi_kedro.training.trainer"


def train(job: Job) -> Path:
    """Does a job, or what is left of it, and returns the directory of the tuned model."""
    with locked(job.folder / "lock", wait=True):  # a second run waits, and then finds the model
        if not job.model.exists():
            job.error.unlink(missing_ok=True)
            job.progress.write_text("")
            with job.log.open("ab") as output, processes(job, output) as running:
                follow(job, running)
    return job.model


@contextlib.contextmanager
def processes(job: Job, output: IO[bytes]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The trainer's processes, each in a group of its own; all are gone afterwards."""
    running: list[subprocess.Popen[bytes]] = []
    start = on_nodes if job.params.hostfile else on_this_machine
    try:
        for command, environment in start(job, free_port()):
            running.append(
                subprocess.Popen(
                    command, env=environment, stdout=output, stderr=output, process_group=0
                )
            )
        yield running
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def on_this_machine(job: Job, port: int) -> Iterator[tuple[list[str], dict[str, str]]]:
    """A command and its environment for every rank."""
    command = [sys.executable, "-m", TRAINER, str(job.folder / "job.json")]
    for rank in range(job.params.processes):
        yield command, os.environ | rank_environment(rank, job.params.processes, port)


def on_nodes(job: Job, port: int) -> Iterator[tuple[list[str], dict[str, str]]]:
    """DeepSpeed's own launcher, which starts a process for every slot of the hostfile through ssh and pdsh.

    The project, its environment and its data must be there under the same path on every node.
    """
    hosts = read_hostfile(Path(str(job.params.hostfile)))
    command = [
        sys.executable,
        "-m",
        "deepspeed.launcher.runner",
        f"--hostfile={job.params.hostfile}",
    ]
    command += [f"--master_port={port}", "--force_multi", "--no_local_rank", "--module", TRAINER]
    log.info("Training on %s", ", ".join(f"{host} ({slots})" for host, slots in hosts.items()))
    yield [*command, str(job.folder / "job.json")], dict(os.environ)


def read_hostfile(path: Path) -> dict[str, int]:
    """Slots by host; TrainingError names the line that is none."""
    if not path.is_file():
        raise TrainingError(f"training.hostfile: {path} does not exist.")
    hosts = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not (text := line.partition("#")[0].strip()):
            continue
        found = re.fullmatch(r"(\S+)\s+slots=([1-9]\d*)", text)
        if not found:
            raise TrainingError(
                f"training.hostfile: {path}, line {number}: {text!r} is not of the form 'host slots=8'."
            )
        hosts[found[1]] = int(found[2])
    if not hosts:
        raise TrainingError(f"training.hostfile: {path} names no host.")
    return hosts


def rank_environment(rank: int, count: int, port: int) -> dict[str, str]:
    """What torch.distributed and DeepSpeed read in a process; OMP_NUM_THREADS only if none is given."""
    cores = len(os.sched_getaffinity(0))
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // count)),
        "LMSI_LAUNCHER_PID": str(os.getpid()),
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def follow(job: Job, running: list[subprocess.Popen[bytes]]) -> None:
    """Logs progress until all processes are done; an error as soon as one of them fails."""
    reported = time.monotonic()
    with job.progress.open() as progress:
        while None in (codes := [process.poll() for process in running]) and not any(codes):
            time.sleep(0.1)
            if time.monotonic() - reported > REPORT_SECONDS:
                report(progress)
                reported = time.monotonic()
        report(progress)
    if any(codes):
        raise TrainingError(failure(job, codes))


def report(progress: IO[str]) -> None:
    """One log line for the last of the steps done since the last report, if there are any."""
    if not (lines := progress.readlines()):
        return
    done = json.loads(lines[-1])
    log.info(
        "Step %d of %d, loss %.4f, %s tokens/s, %.0f s left",
        done["step"],
        done["steps"],
        done["loss"],
        f"{done['tokens_per_second']:,.0f}",
        done["seconds_left"],
        extra={"share": done["step"] / done["steps"], "left": done["seconds_left"]},
    )


def failure(job: Job, codes: Sequence[int | None]) -> str:
    """The trainer's own sentence, the signal that ended it, or the end of what it printed."""
    if job.error.exists():
        return job.error.read_text()
    if -signal.SIGKILL in codes:
        which = codes.index(-signal.SIGKILL) + 1
        return (
            f"Process {which} of {len(codes)} of the trainer was killed, as the system does when memory runs "
            "out. A larger training.gradient_accumulation, training.gradient_checkpointing=true "
            "and training.lora need less of it; the same command goes on from the last checkpoint."
        )
    printed = job.log.read_text(errors="replace")
    if job.params.hostfile and "not reachable via ssh" in printed:
        return f"training.hostfile: a host of {job.params.hostfile} does not answer ssh without a password."
    tail = "\n".join(printed.splitlines()[-25:])
    return f"The trainer stopped without a result; the end of {job.log}:\n{tail}"
