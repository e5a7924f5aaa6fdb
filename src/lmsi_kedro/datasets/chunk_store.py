"""Sampled paths on disk, in chunks that survive anything.

    <filepath>/<chunk_id>.<checksum>.parquet   one chunk; its name says what made it and what it holds
    <filepath>/manifest.json                   the chunks of the last complete plan, in order

Saving a plan computes only the chunks that are not there, writes each under a temporary name and renames it, and
writes the manifest last. So a killed run loses at most the chunks in flight, a torn file is computed again, and
text of other inputs (another model, prompt, seed, ...) can never be taken for this plan's.
"""

import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"


class Plan(Protocol):
    """What a node hands over: the chunks by id, and how to compute some of them."""

    @property
    def chunks(self) -> dict[str, Any]: ...

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]: ...


class Chunks:
    """The paths of a complete plan, in its order: iterate for one table after the other, or `table()`.

    Iterating holds one chunk in memory; a damaged one is a DatasetError that says what to do.
    """

    def __init__(
        self, files: Sequence[Path], check: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> None:
        self._files, self._check = files, check

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for file in self._files:
            if (content := intact(file)) is None:
                raise DatasetError(
                    f"{file} is damaged or missing: run the sampling pipeline again, it redoes "
                    "only this chunk."
                )
            yield self._check(pl.read_parquet(io.BytesIO(content)))

    def table(self) -> pl.DataFrame:
        """All paths as one table, for exploring."""
        return pl.concat(list(self))


class ChunkStore(AbstractDataset[Plan, Chunks]):
    """A folder of chunks: save(plan) completes it, load() gives the plan's paths chunk by chunk."""

    def __init__(
        self, *, filepath: str, check: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        """check names a function that validates a loaded chunk, such as schemas.paths."""
        self._folder = Path(filepath)
        self._check = load_obj(check) if check else lambda table: table
        self.metadata = metadata

    def save(self, plan: Plan) -> None:
        """Compute and write what is missing, then the manifest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        stored = self.stored(plan.chunks)
        missing = [chunk for chunk in plan.chunks if chunk not in stored]
        if missing:  # until this plan is complete, the last one's paths must not pass for it
            (self._folder / MANIFEST).unlink(missing_ok=True)
        if stored:
            log.info("%d of %d chunks are already there", len(stored), len(plan.chunks))
        for chunk, table in plan.compute(missing):
            stored[chunk] = self.write(chunk, table)
        manifest = {"chunks": [stored[chunk].name for chunk in plan.chunks]}
        replace(self._folder / MANIFEST, json.dumps(manifest, indent=1).encode())

    def load(self) -> Chunks:
        """The chunks of the last complete plan; they are read, and checked, when they are iterated."""
        path = self._folder / MANIFEST
        if not path.exists():
            raise DatasetError(f"{self._folder} is not complete: run the sampling pipeline again.")
        names = json.loads(path.read_text())["chunks"]
        return Chunks([self._folder / name for name in names], self._check)

    def stored(self, chunks: dict[str, Any]) -> dict[str, Path]:
        """The intact files of these chunks; damaged ones and leftovers of a killed run are removed."""
        for leftover in self._folder.glob("*.tmp"):
            leftover.unlink(missing_ok=True)
        found = {}
        for path in self._folder.glob("*.parquet"):
            chunk = path.name.split(".")[0]
            if chunk not in chunks:
                continue
            if intact(path) is None:
                log.warning("%s is damaged and will be computed again", path.name)
                path.unlink()
            else:
                found[chunk] = path
        return found

    def write(self, chunk: str, table: pl.DataFrame) -> Path:
        """One chunk, whole or not at all."""
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        content = buffer.getvalue()
        path = self._folder / f"{chunk}.{checksum(content)}.parquet"
        replace(path, content)
        return path

    def _exists(self) -> bool:
        return (self._folder / MANIFEST).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}


def checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def intact(path: Path) -> bytes | None:
    """The file's content if it is what its name says."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if checksum(content) == path.name.split(".")[1] else None


def replace(path: Path, content: bytes) -> None:
    """Write a file whole: under a temporary name, flushed to disk, then renamed."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
