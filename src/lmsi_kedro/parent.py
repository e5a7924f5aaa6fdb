"""Ends child processes when their parent ends for any reason, so that a killed run leaves none behind.

Our own processes call `end_with`. Other commands are run by `python -m lmsi_kedro.parent PID COMMAND`.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import psutil

SECONDS = 0.2  # between two checks
GRACE = 5.0  # seconds for a command to end by itself: vLLM uses them to remove its shared memory
DEATH_SIGNAL, SUBREAPER = 1, 36  # options of Linux's prctl


def end_with(parent: int) -> None:
    """Makes this process end soon after the process with this id, which must be its parent."""
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os._exit(1)


def run(parent: int, command: Sequence[str]) -> int:
    """Runs a command until it ends, this process is terminated or its parent is gone; returns the exit status.

    All processes that the command started are ended, even those that left its process group.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    control(SUBREAPER, 1)  # a process that loses its parent becomes a child of this one
    try:
        child = subprocess.Popen(command, preexec_fn=lambda: control(DEATH_SIGNAL, signal.SIGKILL))
        while child.poll() is None and os.getppid() == parent:
            time.sleep(SECONDS)
        return child.returncode or 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_children()


def end_children() -> None:
    """Ends all child processes, then their children."""
    this = psutil.Process()
    for seconds in (GRACE, SECONDS):  # the second pass ends processes that lost their parent
        send(signal.SIGTERM, children := this.children())
        psutil.wait_procs(children, seconds)
    while left := this.children(recursive=True):
        send(signal.SIGKILL, left)
        psutil.wait_procs(left, SECONDS)


def send(which: signal.Signals, processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(which)


def control(option: int, value: int) -> None:
    """Calls prctl, if the system has it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
