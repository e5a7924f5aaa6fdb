"""What is to be sampled, cut into chunks. ChunkStore knows which of them it still lacks."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from lmsi_kedro.engines.chunk import Chunk, Request
from lmsi_kedro.engines.executors import compute
from lmsi_kedro.params import EngineParams, Sampling
from lmsi_kedro.tasks import Prompt

log = logging.getLogger(__name__)
PATH_BLOCK = 8


@dataclass
class Plan:
    """Chunks to be computed by a model; iterate `compute(missing)` for (chunk_id, table) as they finish."""

    model: Path
    digest: str
    engine: EngineParams
    chunks: dict[str, Chunk] = field(default_factory=dict)

    def add(
        self, prompts: Mapping[str, Prompt], m: int, sampling: Sampling, columns: Mapping[str, str]
    ) -> None:
        """m paths for every question_id; the prompts of a chunk share their first part.

        Paths come in blocks of at most PATH_BLOCK, so that a larger m later keeps the chunks of a smaller one.
        """
        for first in range(0, m, PATH_BLOCK):
            paths = range(first, min(first + PATH_BLOCK, m))
            size = max(1, self.engine.rows_per_chunk // len(paths))
            for shared in dict.fromkeys(prompt.shared for prompt in prompts.values()):
                alike = [item for item in prompts.items() if item[1].shared == shared]
                for start in range(0, len(alike), size):
                    batch = alike[start : start + size]
                    requests = tuple(Request(question, prompt, paths) for question, prompt in batch)
                    self.put(Chunk(requests, sampling, columns))

    def put(self, chunk: Chunk) -> None:
        """A chunk under its address."""
        format, chat = self.engine.number_format, self.engine.chat
        self.chunks[chunk.address(self.digest, format, chat)] = chunk

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        """The missing chunks, in the order in which they are finished."""
        if not missing:
            return
        progress = Progress(len(missing))
        for name, table in compute(self.model, self.engine, self.chunks, missing):
            progress.add(table)
            yield name, table


class Progress:
    """Says how far the sampling is, at most every few seconds."""

    def __init__(self, chunks: int, every: float = 5.0) -> None:
        self.chunks, self.every = chunks, every
        self.done = self.paths = self.tokens = 0
        self.start = self.said = time.monotonic()

    def add(self, table: pl.DataFrame) -> None:
        self.done += 1
        self.paths += table.height
        self.tokens += int(table["tokens"].sum())
        now = time.monotonic()
        if now - self.said < self.every and self.done < self.chunks:
            return
        self.said, seconds = now, now - self.start
        log.info(
            "sampled %d of %d chunks: %d paths, %.0f paths/s, %.0f tokens/s, %.0f s left",
            self.done,
            self.chunks,
            self.paths,
            self.paths / seconds,
            self.tokens / seconds,
            seconds / self.done * (self.chunks - self.done),
        )
