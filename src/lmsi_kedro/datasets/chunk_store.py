"""Sampled paths, in chunks that survive anything, in a folder of any location that fsspec knows.

    <filepath>/<chunk_id>.<checksum>.parquet   one chunk; its name says what made it and what it holds
    <filepath>/manifest.json                   the chunks of the last complete plan, in order

Saving a plan computes only the chunks that are not there, writes each whole, and writes the manifest last. So a
killed run loses at most the chunks in flight, a torn file is computed again, and text of other inputs (another
model, prompt, seed, ...) can never be taken for this plan's.
"""

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Protocol, Self

import polars as pl
from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj

from lmsi_kedro.datasets.folder import Folder

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
AGAIN = "run the sampling pipeline again, it redoes only what is missing."


class Plan(Protocol):
    """What a node hands over: chunks by id, how to compute some of them, and what their paths call for next."""

    @property
    def chunks(self) -> dict[str, Any]: ...

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]: ...

    def then(self, paths: Iterable[pl.DataFrame]) -> Self | None: ...

    def close(self) -> None: ...


class Chunks:
    """The paths of a complete plan, in its order: iterate for one table after the other, or `table()`.

    Iterating holds one chunk in memory; a damaged one is a DatasetError that says what to do.
    """

    def __init__(
        self, folder: Folder, names: Sequence[str], check: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> None:
        self._folder, self._names, self._check = folder, names, check

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for name in self._names:
            if (content := intact(self._folder, name)) is None:
                raise DatasetError(f"{self._folder.location}/{name} is damaged or missing: {AGAIN}")
            yield self._check(pl.read_parquet(io.BytesIO(content)))

    def table(self) -> pl.DataFrame:
        """All paths as one table, for exploring."""
        tables = list(self)
        return pl.concat(tables) if tables else pl.DataFrame()


class ChunkStore(AbstractDataset[Plan, Chunks]):
    """A folder of chunks: save(plan) completes it, load() gives the plan's paths chunk by chunk."""

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

    def save(self, plan: Plan) -> None:
        """Compute and write what is missing, stage after stage, then the manifest."""
        names: list[str] = []
        stage: Plan | None = plan
        with self._folder.writing(), closing(plan):
            while stage is not None:
                complete = self.complete(stage)
                names += complete
                stage = stage.then(Chunks(self._folder, complete, self._check))
            self._folder.write(MANIFEST, json.dumps({"chunks": names}, indent=1).encode())

    def complete(self, plan: Plan) -> list[str]:
        """The file names of a plan's chunks, after computing those that were not there."""
        stored = self.stored(plan.chunks)
        missing = [chunk for chunk in plan.chunks if chunk not in stored]
        if missing:  # until this plan is complete, the last one's paths must not pass for it
            self._folder.remove(MANIFEST)
        if stored:
            log.info("%d of %d chunks are already there", len(stored), len(plan.chunks))
        for chunk, table in plan.compute(missing):
            stored[chunk] = self.write(chunk, table)
        return [stored[chunk] for chunk in plan.chunks]

    def load(self) -> Chunks:
        """The chunks of the last complete plan; they are read, and checked, when they are iterated."""
        content = self._folder.read(MANIFEST)
        if content is None:
            raise DatasetError(f"{self._folder.location} is not complete: {AGAIN}")
        try:
            names = json.loads(content)["chunks"]
        except (ValueError, KeyError) as error:
            raise DatasetError(f"{self._folder.location}/{MANIFEST} is damaged: {AGAIN}") from error
        return Chunks(self._folder, names, self._check)

    def stored(self, chunks: dict[str, Any]) -> dict[str, str]:
        """The names of the intact files of these chunks; damaged ones are removed."""
        found = {}
        for name in self._folder.names():
            chunk = name.split(".")[0]
            if chunk not in chunks or not name.endswith(".parquet"):
                continue
            if intact(self._folder, name) is None:
                log.warning("%s is damaged and will be computed again", name)
                self._folder.remove(name)
            else:
                found[chunk] = name
        return found

    def write(self, chunk: str, table: pl.DataFrame) -> str:
        """One chunk, whole or not at all; returns its file name."""
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        content = buffer.getvalue()
        name = f"{chunk}.{checksum(content)}.parquet"
        self._folder.write(name, content)
        return name

    def _exists(self) -> bool:
        return MANIFEST in self._folder.names()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder.location}


def checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def intact(folder: Folder, name: str) -> bytes | None:
    """The file's content if it is what its name says."""
    content = folder.read(name)
    matches = content is not None and checksum(content) == name.split(".")[1]
    return content if matches else None
