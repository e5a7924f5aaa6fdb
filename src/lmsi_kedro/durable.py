"""Files and directories that are seen whole or not at all, through kills and power cuts; locks between processes.

What is written goes to a sibling with another name first, is flushed to disk, then renamed: a file by `write` or
`file`, a directory by `partial` and `publish`.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp"  # ends the name of a file that is not whole yet


class LockedError(Exception):
    """Another process holds the lock."""


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

    LockedError when another process holds it and `wait` is false.
    """
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"{path} is held by another process") from None
        yield
