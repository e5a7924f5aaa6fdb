"""What is to be sampled, cut into chunks that are addressed by everything that decides their content.

A plan knows how to compute its chunks in worker processes; ChunkStore knows which of them it still lacks.
"""

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.params import EngineParams, Sampling
from lmsi_kedro.tasks import Prompt

log = logging.getLogger(__name__)
VERSION = 2  # of the sampling code: raise it when the same inputs give other text
PATH_BLOCK = 8


@dataclass(frozen=True)
class Request:
    """Paths wanted of one question: its prompt and the path indices."""

    question_id: str
    prompt: Prompt
    paths: range


@dataclass(frozen=True)
class Chunk:
    """Requests with one shared prompt, sampled together; columns are constants added to its table."""

    requests: tuple[Request, ...]
    sampling: Sampling
    columns: Mapping[str, str]

    def address(self, digest: str, dtype: str, chat: str) -> str:
        """The hash of all that decides the chunk's content."""
        content = {
            "version": VERSION,
            "model": digest,
            "dtype": dtype,
            "chat": chat,
            "sampling": self.sampling.model_dump(),
            "columns": dict(self.columns),
            "requests": [
                [r.question_id, asdict(r.prompt), r.paths.start, r.paths.stop]
                for r in self.requests
            ],
        }
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


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
        """m paths for every question_id; the prompts share their first part.

        Paths come in blocks of at most PATH_BLOCK, so that a larger m later keeps the chunks of a smaller one.
        """
        for first in range(0, m, PATH_BLOCK):
            paths = range(first, min(first + PATH_BLOCK, m))
            requests = [Request(question, prompt, paths) for question, prompt in prompts.items()]
            size = max(1, self.engine.rows_per_chunk // len(paths))
            for start in range(0, len(requests), size):
                chunk = Chunk(tuple(requests[start : start + size]), sampling, columns)
                self.chunks[
                    chunk.address(self.digest, self.engine.number_format, self.engine.chat)
                ] = chunk

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        """The missing chunks, in the order in which the workers finish them."""
        if not missing:
            return
        workers = min(self.engine.workers, len(missing))
        progress = Progress(len(missing))
        with ProcessPoolExecutor(
            workers,
            mp_context=get_context("spawn"),
            initializer=start_worker,
            initargs=(str(self.model), self.engine, os.getpid()),
        ) as pool:
            futures = {pool.submit(sample_chunk, self.chunks[chunk]): chunk for chunk in missing}
            try:
                for future in as_completed(futures):
                    table = future.result()
                    progress.add(table)
                    yield futures[future], table
            finally:
                pool.shutdown(cancel_futures=True)


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


_engine: Any = None


def start_worker(directory: str, engine: EngineParams, parent: int) -> None:
    """Load the model once per worker process, on one thread, and die with the parent."""
    global _engine
    threading.Thread(target=follow, args=(parent,), daemon=True).start()
    # Every length is a shape of its own to oneDNN; its cache of 1,024 took 240 MB of 1,130, as fast as 64.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    import torch

    torch.set_num_threads(1)
    from lmsi_kedro.engines.local import LocalEngine

    _engine = LocalEngine(
        Path(directory), getattr(torch, engine.number_format), engine.chat, engine.trust_remote_code
    )


def follow(parent: int) -> None:
    """End this process soon after its parent: a killed run must not leave workers behind."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def sample_chunk(chunk: Chunk) -> pl.DataFrame:
    """In a worker: the chunk's paths."""
    table: pl.DataFrame = _engine.sample(chunk.requests, chunk.sampling)
    return table.with_columns(pl.lit(value).alias(name) for name, value in chunk.columns.items())
