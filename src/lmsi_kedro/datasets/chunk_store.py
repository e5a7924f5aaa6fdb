"""Stores sampled paths durably in chunks, in a folder at any location that fsspec supports.

    <filepath>/<address>.<checksum>.parquet   one chunk; the name identifies its inputs and its content
    <filepath>/manifest.json                  the last complete plan: its address, and its chunks in order

Two catalog entries share a folder. `StoredChunks` tells the sampling node which chunks exist; the node
yields the missing chunks one by one, and finally the addresses of its plan and of all its chunks. `ChunkStore`
writes each chunk atomically and the manifest last. So a killed run loses at most the chunks in flight, a damaged
file is sampled again, and text from other inputs (another model, prompt, seed, ...) is never used for this plan.

Kedro 1.7 fires `after_node_run` before the first chunk of a generator, and no `on_node_error` for later chunks.
"""

import hashlib
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import polars as pl
from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj
from kedro_datasets._typing import TablePreview

from lmsi_kedro.datasets.folder import Folder
from lmsi_kedro.datasets.previewed import ROWS, rows_of

log = logging.getLogger(__name__)
Completed = tuple[str, Sequence[str]]  # addresses of a plan and of its chunks
MANIFEST = "manifest.json"
CHUNK = re.compile(r"[\w-]+\.[0-9a-f]{16}\.parquet")
AGAIN = "run the sampling pipeline again, which samples only what is missing."


class Chunks:
    """The paths of a complete plan, in the plan's order: iterate over the tables of the chunks, or call `table()`.

    Iteration holds one chunk in memory; a damaged chunk raises a DatasetError that says what to do.
    """

    def __init__(
        self,
        folder: Folder,
        plan: str | None,
        names: Sequence[str],
        check: Callable[[pl.DataFrame], pl.DataFrame],
    ) -> None:
        self._folder, self._plan, self._names, self._check = folder, plan, names, check

    def of(self, plan: str) -> "Chunks":
        """Returns these chunks; raises DatasetError if the last completed plan has another address."""
        if plan != self._plan:
            raise DatasetError(
                f"{self._folder.location} has paths of another plan, with other questions, exemplars, model or "
                f"parameters: {AGAIN}"
            )
        return self

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for name in self._names:
            table = read(self._folder, name)
            try:
                yield self._check(table)
            except ValueError as error:
                raise strange(self._folder, name, error) from error

    def table(self) -> pl.DataFrame:
        """Returns all paths as one table, for exploring."""
        tables = list(self)
        return pl.concat(tables) if tables else pl.DataFrame()


class ChunkStore(AbstractDataset[Mapping[str, pl.DataFrame] | Completed, Chunks]):
    """A folder of chunks, saved one by one under their addresses; saving the addresses of a plan completes it."""

    def __init__(
        self,
        *,
        filepath: str,
        check: str | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """check names a function that validates a loaded chunk, such as schemas.paths."""
        self._folder = Folder(filepath, **(credentials or {}), **(fs_args or {}))
        self._check = load_obj(check) if check else lambda table: table
        self.metadata = metadata

    def save(self, data: Mapping[str, pl.DataFrame] | Completed) -> None:
        """Writes chunks by address, each atomically, or the manifest of a complete plan."""
        if isinstance(data, Mapping):
            for address, table in data.items():
                buffer = io.BytesIO()
                table.write_parquet(buffer)
                content = buffer.getvalue()
                self._folder.write(f"{address}.{checksum(content)}.parquet", content)
        else:
            (plan, addresses), files = data, names_by_address(self._folder)
            manifest = {"plan": plan, "chunks": [files[address] for address in addresses]}
            self._folder.write(MANIFEST, json.dumps(manifest, indent=1).encode())

    def load(self) -> Chunks:
        """Returns the chunks of the last complete plan; they are read and checked during iteration."""
        content = self._folder.read(MANIFEST)
        if content is None:
            raise DatasetError(f"{self._folder.location} is not complete: {AGAIN}")
        try:
            manifest = json.loads(content)
            plan, names = manifest.get("plan"), manifest["chunks"]
            if not isinstance(names, list) or not all(map(CHUNK.fullmatch, names)):
                raise ValueError("a chunk's name")
        except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
            raise DatasetError(f"{self._folder.location}/{MANIFEST} is damaged: {AGAIN}") from error
        return Chunks(self._folder, plan, names, self._check)

    def preview(self, nrows: int = ROWS) -> TablePreview:
        """Returns the first paths, for Kedro-Viz."""
        first = next(iter(self.load()), pl.DataFrame())
        return rows_of(first.head(nrows))

    def _exists(self) -> bool:
        return MANIFEST in self._folder.names()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder.location}


class Stored:
    """The current chunks of a folder by address."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Locks the folder for writing; the manifest is removed until the new plan is complete."""
        with self._folder.writing():
            self._folder.remove(MANIFEST)
            yield

    def missing(self, addresses: Sequence[str]) -> list[str]:
        """Returns the addresses to sample, in order; damaged files are removed."""
        files = names_by_address(self._folder)
        missing = [address for address in addresses if not self._is_whole(files.get(address))]
        if len(missing) < len(addresses):
            there = len(addresses) - len(missing)
            log.info("%d of %d chunks are already stored", there, len(addresses))
        return missing

    def tables(self, addresses: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yields stored chunks; raises DatasetError for a damaged one."""
        files = names_by_address(self._folder)
        return (read(self._folder, files[address]) for address in addresses)

    def _is_whole(self, name: str | None) -> bool:
        if name is None or intact(self._folder, name) is not None:
            return name is not None
        log.warning("%s is damaged and will be sampled again", name)
        self._folder.remove(name)
        return False


class StoredChunks(AbstractDataset[NoReturn, Stored]):
    """The chunks that the folder of a ChunkStore already contains; empty before the first run."""

    def __init__(
        self,
        *,
        filepath: str,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._folder = Folder(filepath, **(credentials or {}), **(fs_args or {}))
        self.metadata = metadata

    def load(self) -> Stored:
        """Returns a live view of the folder."""
        return Stored(self._folder)

    def save(self, data: NoReturn) -> NoReturn:
        raise DatasetError(
            "StoredChunks is read-only: the ChunkStore of the same folder saves chunks."
        )

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder.location}


def names_by_address(folder: Folder) -> dict[str, str]:
    """Returns the file name of every chunk."""
    return {name.split(".")[0]: name for name in folder.names() if name.endswith(".parquet")}


def read(folder: Folder, name: str) -> pl.DataFrame:
    if (content := intact(folder, name)) is None:
        raise DatasetError(f"{folder.location}/{name} is damaged or missing: {AGAIN}")
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise strange(folder, name, error) from error


def strange(folder: Folder, name: str, error: BaseException) -> DatasetError:
    """Returns the error for a file with a correct checksum, which sampling would not replace."""
    return DatasetError(
        f"{folder.location}/{name} is intact, but does not have the columns of this version ({error}): move"
        f" it out of the folder and {AGAIN}"
    )


def checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def intact(folder: Folder, name: str) -> bytes | None:
    """Returns the file's content if it matches the checksum in its name."""
    content = folder.read(name)
    return content if content is not None and checksum(content) == name.split(".")[1] else None
