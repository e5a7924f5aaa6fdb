"""Directories that are seen whole or not at all, through kills and power cuts.

What is written goes to `partial(final)` first, a sibling with another name; `publish` flushes it
to disk and renames it. It knows nothing of what the files hold.
"""

import os
import shutil
from pathlib import Path


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
