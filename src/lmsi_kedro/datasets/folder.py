"""Files of one folder, each written whole, on any location that fsspec knows: data/03_paths, s3://...

On a local disk a file gets a temporary name, is flushed, then renamed; one run at a time may write. An object
store puts a file whole by itself, and two runs at once put the same content under the same names.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from kedro.io import DatasetError

TEMPORARY = ".tmp"


class Folder:
    """Names and contents; DatasetError names the file that cannot be written and says what to do."""

    def __init__(self, location: str, **options: Any) -> None:
        """options are the file system's, such as credentials."""
        self.location = location.rstrip("/")
        self.files, self.path = url_to_fs(self.location, **options)
        self.is_local = isinstance(self.files, LocalFileSystem)

    def names(self) -> list[str]:
        """What is there now, sorted."""
        self.files.invalidate_cache(self.path)
        try:
            found = self.files.ls(self.path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(name.rsplit("/", 1)[-1] for name in found)

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            return bytes(self.files.cat_file(f"{self.path}/{name}"))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """A file, whole or not at all, over the one of that name."""
        with self.explained(name):
            if self.is_local:
                replace(Path(self.path) / name, content)
            else:
                self.files.pipe_file(f"{self.path}/{name}", content)

    def remove(self, name: str) -> None:
        """Gone afterwards, whether it was there or not."""
        with self.explained(name):
            try:
                self.files.rm_file(f"{self.path}/{name}")
            except FileNotFoundError:
                return

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write; what a killed run left half-written is removed."""
        with self.explained():
            self.files.makedirs(self.path, exist_ok=True)
        if not self.is_local:
            yield
            return
        lock = FileLock(f"{self.path}/.lock")
        try:
            with self.explained():
                lock.acquire(blocking=False)
        except Timeout:
            raise DatasetError(
                f"{self.location} is being written by another run: wait for its end and run again, which then "
                "finds its chunks, or give this run another data_root."
            ) from None
        try:
            for name in self.names():
                if name.endswith(TEMPORARY):
                    self.remove(name)
            yield
        finally:
            lock.release()

    @contextmanager
    def explained(self, name: str = "") -> Iterator[None]:
        """Turns what a file system refuses into an error that names the file."""
        try:
            yield
        except Timeout:
            raise
        except OSError as error:
            raise DatasetError(
                f"{self.location}/{name} cannot be written: {error.strerror or error}. What is there stays; "
                "make room or the folder writable, then run again: only the rest is computed."
            ) from error


def replace(path: Path, content: bytes) -> None:
    """Write a local file whole: under a temporary name, flushed to disk, then renamed."""
    temporary = path.with_name(f"{path.name}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # a full disk has no room for it
        raise
