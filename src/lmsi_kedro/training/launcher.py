"""Starts the trainer's processes, logs their progress, and ends all of them.

The processes receive the same environment variables as from the `deepspeed` launcher. They are started without it,
because it would import its packages twice before they start.
"""

import contextlib
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from lmsi_kedro.durable import HELD, locked
from lmsi_kedro.model_files import RECORD, content_digest
from lmsi_kedro.training.job import Job, TrainingError, reading
from lmsi_kedro.training.lease import granted

log = logging.getLogger(__name__)
REPORT_SECONDS = 5.0
FULL = re.compile("No space left|Disk quota exceeded")
MEMORY = (
    ", as the system does when memory runs out. A larger training.gradient_accumulation, "
    "training.gradient_checkpointing=true and training.lora need less memory; the same command resumes from the "
    "last checkpoint."
)
TRAINER = "lmsi_kedro.training.trainer"
# Memory that training frees in a step it needs again in the next, and faults for each of its pages took a fifth of
# the time. So the C library keeps it, except for pieces of 1 GB and more, and uses huge pages, with which the
# rest is 7 % faster.
MALLOC = {"hugetlb": 1, "trim_threshold": 1 << 40, "mmap_threshold": 1 << 30}
ALLOCATOR = ":".join(f"glibc.malloc.{name}={value}" for name, value in MALLOC.items())
PORTS = 20_000, 32_000  # below the ephemeral ports
PORT_RETRIES = 5


def train(job: Job) -> Path:
    """Runs a job, or resumes it, and returns the directory of the tuned model."""
    with locked(job.folder / "lock", wait=True):  # a second run waits and then finds the model
        retries = 0
        while not finished(job):
            try:
                attempt(job)
            except TrainingError:
                retries += 1
                if retries > PORT_RETRIES or not port_taken(job):
                    raise
                log.warning("The rendezvous port of the trainers was taken; trying another one")
    return job.model


def attempt(job: Job) -> None:
    """Runs the trainer; TrainingError if it ends without a model."""
    job.error.unlink(missing_ok=True)
    job.progress.write_text("")
    job.log.write_text("")
    with job.log.open("ab") as output, processes(job, output) as running:
        follow(job, running)
    if not job.model.exists():  # for example, pdsh was killed
        raise TrainingError(failure(job, [process.returncode for process in running]))


def port_taken(job: Job) -> bool:
    return "EADDRINUSE" in job.log.read_text(errors="replace")


def finished(job: Job) -> bool:
    """Whether the model exists and is unchanged; a damaged one is removed, so that it is trained again."""
    with reading(job.model):
        if job.model not in job.folder.iterdir():
            return False
        try:
            saved = json.loads((job.model / RECORD).read_bytes())["digest"]
            whole = bool(content_digest(job.model) == saved)
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            whole = False
    if not whole:
        log.warning("%s has changed since it was saved; training it again", job.model)
        shutil.rmtree(job.model)
    return whole


@contextlib.contextmanager
def processes(job: Job, output: IO[bytes]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Starts the trainer's processes, each in its own group, and ends all of them on exit."""
    running: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as stack:
        if job.params.hostfile:
            commands = on_nodes(job, stack.enter_context(granted(job.lease)))
        else:
            commands = on_this_machine(job)
        stack.callback(end, running)
        for command, environment in commands:
            running.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdout=output,
                    stderr=output,
                    process_group=0,
                    pass_fds=HELD,  # so that no other run starts while one of them is alive
                )
            )
        yield running


def end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def on_this_machine(job: Job) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command and environment of every rank."""
    job.rendezvous.unlink(missing_ok=True)
    command = [sys.executable, "-m", TRAINER, str(job.folder / "job.json")]
    for rank in range(job.params.processes):
        yield command, os.environ | rank_environment(rank, job.params.processes)


def on_nodes(job: Job, lease: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command of DeepSpeed's launcher, which starts a process for every slot of the hostfile by ssh and pdsh.

    The project, its environment and its data must have the same paths on every node. The trainers end when the
    lease expires.
    """
    hosts = read_hostfile(Path(str(job.params.hostfile)))
    command = [
        sys.executable,
        "-m",
        "deepspeed.launcher.runner",
        f"--hostfile={job.params.hostfile}",
    ]
    port = random.SystemRandom().randrange(*PORTS)
    command += [f"--master_port={port}", "--force_multi", "--no_local_rank", "--module", TRAINER]
    log.info("Training on %s", ", ".join(f"{host} ({slots})" for host, slots in hosts.items()))
    yield [*command, str(job.folder / "job.json"), lease], dict(os.environ)


def read_hostfile(path: Path) -> dict[str, int]:
    """The number of slots by host; TrainingError names an invalid line."""
    if not path.is_file():
        raise TrainingError(f"training.hostfile: {path} does not exist.")
    hosts = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not (text := line.partition("#")[0].strip()):
            continue
        found = re.fullmatch(r"(\w[\w.@:-]*)\s+slots=([1-9]\d*)", text)
        if not found:
            raise TrainingError(
                f"training.hostfile: {path}, line {number}: {text!r} is not of the form 'host slots=8'."
            )
        hosts[found[1]] = int(found[2])
    if not hosts:
        raise TrainingError(f"training.hostfile: {path} names no host.")
    return hosts


def rank_environment(rank: int, count: int) -> dict[str, str]:
    """The environment variables that torch.distributed and DeepSpeed read; keeps OMP_NUM_THREADS if it is set.

    The processes find each other by a file and communicate over the loopback interface, so no other machine can
    connect to them.
    """
    cores = len(os.sched_getaffinity(0))
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_SIZE": str(count),
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
        "GLIBC_TUNABLES": os.environ.get("GLIBC_TUNABLES") or ALLOCATOR,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // count)),
        "LMSI_LAUNCHER_PID": str(os.getpid()),
    }


def follow(job: Job, running: list[subprocess.Popen[bytes]]) -> None:
    """Logs progress until all processes have ended; TrainingError as soon as one of them fails."""
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
    """Logs the last step, if there are new steps since the previous report."""
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
    """Why training failed: a signal, a full disk, the trainer's error message, or its last line of output."""
    printed = job.log.read_text(errors="replace")
    message = job.error.read_text(errors="replace") if job.error.exists() else ""
    if ended := [code for code in codes if code and code < 0]:
        which = f"Process {codes.index(ended[0]) + 1} of {len(codes)} of the trainer"
        if ended[0] == -signal.SIGKILL:
            return f"{which} was killed{MEMORY}"
        return f"{which} was ended by {signal.Signals(-ended[0]).name}; what it printed is in {job.log}."
    if is_full(job.folder) or FULL.search(message):
        return (
            f"The disk of {job.folder} is full: free some space, and the same command resumes from the last "
            "checkpoint."
        )
    if message:
        return message
    if job.params.hostfile and "not reachable via ssh" in printed:
        return f"training.hostfile: a host of {job.params.hostfile} cannot be reached by ssh without a password."
    if "return code = -9" in printed:  # from DeepSpeed's launcher on another machine
        return f"A process of the trainer was killed{MEMORY}"
    last = next(
        filter(str.strip, reversed(printed.splitlines())), f"nothing, exit statuses {list(codes)}"
    )
    return f"The trainer stopped without a result: {last.strip()} (all that it printed is in {job.log})"


def is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < 1 << 20
