"""Atomic writes of files and directories, safe against kills and power cuts; locks between processes.

Content is first written to a sibling with a temporary name, flushed to disk, and then renamed: a file by `write`
or `file`, a directory by `partial` and `publish`.
"""

import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

TEMPORARY = ".tmp"  # the suffix of an incomplete file
ORPHAN_SECONDS = 40.0  # twice the time in which ranks on other machines notice the end of their run
HELD: set[int] = set()  # descriptors of the locks that this process holds


class LockedError(Exception):
    """Another process holds the lock; the message says which."""


def write(final: Path, content: bytes) -> None:
    """Writes a file atomically, replacing an existing one; creates its folder."""
    with file(final) as temporary:
        temporary.write_bytes(content)


@contextmanager
def file(final: Path) -> Iterator[Path]:
    """Yields a temporary path that is renamed to `final`, or removed after an error such as a full disk."""
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f"{final.name}{TEMPORARY}")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(final)
        flush(final.parent)
    except OSError as error:
        error.filename = error.filename or str(final)  # the error of a full disk has no filename
        raise
    finally:
        temporary.unlink(missing_ok=True)


def partial(final: Path) -> Path:
    """Creates an empty sibling directory in which to prepare `final`; removes one left by an interrupted run."""
    prepared = final.with_name(f".{final.name}.partial")
    shutil.rmtree(prepared, ignore_errors=True)
    prepared.mkdir(parents=True)
    return prepared


def publish(prepared: Path, final: Path) -> None:
    """Renames a finished directory to `final`; an older one is replaced once everything is on disk."""
    for file in prepared.rglob("*"):
        flush(file)
    flush(prepared)
    recover(final)
    replaced = final.with_name(f".{final.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if final.exists():
        final.rename(replaced)
    prepared.rename(final)
    flush(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def recover(final: Path) -> None:
    """Restores the replaced directory if the process was killed between the two renames of `publish`."""
    replaced = final.with_name(f".{final.name}.replaced")
    if replaced.exists() and not final.exists():
        replaced.rename(final)


def flush(path: Path) -> None:
    """Waits until a file's content, or a directory's entries, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, wait: bool) -> Iterator[None]:
    """Holds the lock of this file, which only one process can hold; a kill releases it.

    Child processes that are started with `pass_fds=HELD` hold it too, until they end. If `wait` is false and the
    holder is running, raises LockedError, which names it; if the holder was killed, waits up to ORPHAN_SECONDS
    for its children to end.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:  # "w" would empty the file of another holder
        acquire(lock, wait)
        lock.truncate(0)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.ctime()}
        json.dump(holder, lock)
        lock.flush()
        HELD.add(lock.fileno())
        try:
            yield
        finally:
            HELD.discard(lock.fileno())


def acquire(lock: IO[str], wait: bool) -> None:
    deadline = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_holder(lock)
            if runs(holder) or time.monotonic() > deadline:
                raise LockedError(
                    "process {pid} on {host} since {since}".format(**holder)
                ) from None
        time.sleep(0.1)


def read_holder(lock: IO[str]) -> dict[str, Any]:
    """Returns the holder's record, or question marks while it is being written."""
    unknown = {"pid": "?", "host": "?", "since": "?"}
    lock.seek(0)
    try:
        written = json.loads(lock.read())
    except ValueError:
        return unknown
    return unknown | written if isinstance(written, dict) else unknown


def runs(holder: dict[str, Any]) -> bool:
    """Returns whether the process is running, as far as this machine can tell."""
    if holder["host"] != socket.gethostname():
        return bool(holder["host"] != "?")
    try:
        return bool(psutil.Process(holder["pid"]).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
