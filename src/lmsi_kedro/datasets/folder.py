"""A folder of atomically written files at any location that fsspec supports: data/03_paths, s3://...

On a local disk, a file is written under a temporary name, flushed and renamed; only one run at a time may write.
Object stores write a file atomically, and two simultaneous runs write the same content under the same names.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from kedro.io import DatasetError

from lmsi_kedro import durable


class Folder:
    """Reads and writes files by name; raises a DatasetError that says what to do if a file cannot be written."""

    def __init__(self, location: str, **options: Any) -> None:
        """The options, such as credentials, are passed to the file system."""
        self.location = location.rstrip("/")
        self.files, self.path = url_to_fs(self.location, **options)
        self.is_local = isinstance(self.files, LocalFileSystem)

    def names(self) -> list[str]:
        """Returns the current file names, sorted."""
        self.files.invalidate_cache(self.path)
        try:
            found = self.files.ls(self.path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(name.rsplit("/", 1)[-1] for name in found)

    def read(self, name: str) -> bytes | None:
        """Returns a file's content, or None if there is no such file."""
        try:
            return bytes(self.files.cat_file(f"{self.path}/{name}"))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Writes a file atomically, replacing an existing one."""
        with self.explained(name):
            if self.is_local:
                durable.write(Path(self.path) / name, content)
            else:
                self.files.pipe_file(f"{self.path}/{name}", content)

    def remove(self, name: str) -> None:
        """Removes a file if it exists."""
        with self.explained(name):
            try:
                self.files.rm_file(f"{self.path}/{name}")
            except FileNotFoundError:
                return

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Locks the folder for writing, and removes incomplete files of a killed run."""
        with self.explained():
            self.files.makedirs(self.path, exist_ok=True)
        if not self.is_local:
            yield
            return
        with self.locked():
            for name in self.names():
                if name.endswith(durable.TEMPORARY):
                    self.remove(name)
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                with self.explained(".lock"):
                    held.enter_context(durable.locked(Path(self.path) / ".lock", wait=False))
            except durable.LockedError:
                raise DatasetError(
                    f"{self.location} is being written by another run: wait for it to end, then run again to "
                    "reuse its chunks, or give this run another data_root."
                ) from None
            yield

    @contextmanager
    def explained(self, name: str = "") -> Iterator[None]:
        """Turns an error of the file system into a DatasetError that names the file."""
        try:
            yield
        except OSError as error:
            raise DatasetError(
                f"{self.location}/{name} cannot be written: {error.strerror or error}. Stored files are kept; "
                "make room or make the folder writable, then run again: only the rest is computed."
            ) from error
