"""Files and directories are written completely or not at all, and only one process at a time holds a lock."""

import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lmsi_kedro import durable

Hold = Callable[[float], "subprocess.Popen[str]"]


def test_write_replaces_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    durable.write(path, b"one")
    durable.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"one")

    def fail() -> None:
        with durable.file(path) as temporary:
            temporary.write_bytes(b"half of tw")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        fail()
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def write_directory(final: Path, content: str) -> None:
    prepared = durable.partial(final)
    (prepared / "sub").mkdir()
    (prepared / "sub" / "file").write_text(content)
    durable.publish(prepared, final)


def test_write_replaces_the_older_directory(tmp_path: Path) -> None:
    for content in ("one", "two"):
        write_directory(tmp_path / "final", content)
        assert (tmp_path / "final" / "sub" / "file").read_text() == content
        assert list(tmp_path.iterdir()) == [tmp_path / "final"]


@pytest.mark.parametrize("killed_at", [1, 2])
def test_a_kill_at_either_rename_loses_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    final = tmp_path / "final"
    write_directory(final, "one")
    renames: list[Path] = []
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        renames.append(target)
        if len(renames) == killed_at:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_directory(final, "two")
    durable.recover(final)
    assert (final / "sub" / "file").read_text() == "one"
    write_directory(final, "three")
    assert (final / "sub" / "file").read_text() == "three"
    assert list(tmp_path.iterdir()) == [final]


def test_two_kills_before_the_rename_lose_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "final"
    write_directory(final, "one")
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        for content in ("two", "three"):
            with pytest.raises(KeyboardInterrupt):
                write_directory(final, content)
    durable.recover(final)
    assert (final / "sub" / "file").read_text() == "one"


HOLD = """
import pathlib, subprocess, sys
from lmsi_kedro.durable import HELD, locked
with locked(pathlib.Path(sys.argv[1]), wait=True):
    heir = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=HELD)
    print(heir.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """A function that starts a process with a lock, whose child keeps the inherited lock for some seconds."""

    def start(seconds: float) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLD, str(tmp_path / "lock"), str(seconds)]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert holder.stdout
        assert holder.stdout.readline()
        started.append(holder)
        return holder

    started: list[subprocess.Popen[str]] = []
    yield start
    for holder in started:
        holder.kill()
        holder.communicate()


def test_the_holder_of_a_lock_is_named(tmp_path: Path, hold: Hold) -> None:
    holder = hold(0)
    host = socket.gethostname()
    with (
        pytest.raises(durable.LockedError, match=f"process {holder.pid} on {host} since "),
        durable.locked(tmp_path / "lock", wait=False),
    ):
        pass


def test_lock_is_free_once_orphaned_children_end(tmp_path: Path, hold: Hold) -> None:
    holder = hold(1.5)
    start = time.monotonic()
    holder.kill()
    holder.wait()
    with durable.locked(tmp_path / "lock", wait=False):
        assert time.monotonic() - start > 1


def test_waiting_for_orphaned_children_has_a_limit(
    tmp_path: Path, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "ORPHAN_SECONDS", 0.2)
    holder = hold(5)
    holder.kill()
    holder.wait()
    with (
        pytest.raises(durable.LockedError, match=str(holder.pid)),
        durable.locked(tmp_path / "lock", wait=False),
    ):
        pass


def test_lock_of_another_machine_is_respected(tmp_path: Path, hold: Hold) -> None:
    holder = hold(1)
    (tmp_path / "lock").write_text('{"pid": 1, "host": "elsewhere", "since": "noon"}')
    with (
        pytest.raises(durable.LockedError, match="process 1 on elsewhere since noon"),
        durable.locked(tmp_path / "lock", wait=False),
    ):
        pass
    assert holder.poll() is None
