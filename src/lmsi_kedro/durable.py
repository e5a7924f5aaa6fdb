"""Files and directories that are seen whole or not at all, through kills and power cuts; locks between processes.

What is written goes to a sibling with another name first, is flushed to disk, then renamed: a file by `write` or
`file`, a directory by `partial` and `publish`.
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

TEMPORARY = ".tmp"  # ends the name of a file that is not whole yet
ORPHAN_SECONDS = 40.0  # twice what ranks on other machines need to see that their run is gone
HELD: set[int] = set()  # descriptors of the locks that this process holds


class LockedError(Exception):
    """Another process holds the lock; the message says which."""


def write(final: Path, content: bytes) -> None:
    """Writes a file, over the one of that name; makes its folder."""
    with file(final) as temporary:
        temporary.write_bytes(content)


@contextmanager
def file(final: Path) -> Iterator[Path]:
    """Where to write what becomes `final`; after an error, such as a full disk, nothing of it is left."""
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f"{final.name}{TEMPORARY}")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(final)
        flush(final.parent)
    except OSError as error:
        error.filename = error.filename or str(final)  # that of a full disk has none
        raise
    finally:
        temporary.unlink(missing_ok=True)


def partial(final: Path) -> Path:
    """The empty sibling in which `final` is prepared; an interrupted run's is removed."""
    prepared = final.with_name(f".{final.name}.partial")
    shutil.rmtree(prepared, ignore_errors=True)
    prepared.mkdir(parents=True)
    return prepared


def publish(prepared: Path, final: Path) -> None:
    """Renames a finished directory to `final`; an older one gives way once all is on disk."""
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
    """Puts the replaced directory back if a kill came between the two renames of `publish`."""
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
    """Holds the lock of this file, which one process at a time can hold and a kill frees.

    Processes that are started with `pass_fds=HELD` hold it too, until they end. LockedError names the process that
    has it, when that one runs and `wait` is false; for what a killed one left behind it waits ORPHAN_SECONDS.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:  # "w" would empty another one's file
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
    """What the holder wrote; question marks while it is writing."""
    unknown = {"pid": "?", "host": "?", "since": "?"}
    lock.seek(0)
    try:
        written = json.loads(lock.read())
    except ValueError:
        return unknown
    return unknown | written if isinstance(written, dict) else unknown


def runs(holder: dict[str, Any]) -> bool:
    """Whether the process is there, as far as this machine can tell."""
    if holder["host"] != socket.gethostname():
        return bool(holder["host"] != "?")
    try:
        return bool(psutil.Process(holder["pid"]).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
