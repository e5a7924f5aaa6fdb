"""A process ends when its parent ends, even if the parent is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

CHILD = "import sys, time; from lmsi_kedro.parent import end_with; end_with(int(sys.argv[1])); time.sleep(60)"
SERVER = """
import subprocess, sys, time
print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid, flush=True)
time.sleep(60)
"""
PARENT = """
import os, subprocess, sys
print(subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())]).pid, flush=True)
sys.stdin.read()
"""


def test_killing_the_parent_ends_its_child() -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.5)
    assert child.is_running()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    child.wait(timeout=30)
    assert not child.is_running()


@pytest.fixture
def watched() -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A watcher, and two processes under it: a command and its child in another session."""
    command = [
        sys.executable,
        "-m",
        "lmsi_kedro.parent",
        str(os.getpid()),
        sys.executable,
        "-c",
        SERVER,
    ]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert watcher.stdout
    far = psutil.Process(int(watcher.stdout.readline()))
    yield watcher, [*psutil.Process(watcher.pid).children(), far]
    with contextlib.suppress(psutil.NoSuchProcess):
        far.kill()
    watcher.kill()
    watcher.communicate()


def test_children_of_a_watched_command_end_with_it(watched: Any) -> None:
    watcher, (server, far) = watched
    server.send_signal(signal.SIGKILL)
    assert watcher.wait(timeout=30) != 0
    assert not far.is_running()


def test_watcher_that_is_terminated_ends_its_command(watched: Any) -> None:
    watcher, left = watched
    watcher.terminate()
    assert watcher.wait(timeout=30) == 1
    assert not psutil.wait_procs(left, timeout=1)[1]


def test_command_does_not_outlive_a_killed_watcher(watched: Any) -> None:
    watcher, (server, _) = watched
    watcher.kill()
    assert not psutil.wait_procs([server], timeout=30)[1]
