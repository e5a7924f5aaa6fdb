"""Chunks: requests that are sampled together and stored under a hash of all that determines their paths."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from lmsi_kedro.params import Sampling

VERSION = 9  # the version of the sampling code: raise it when the same inputs give different text


@dataclass(frozen=True)
class Request:
    """The prompt of a question and the indices of the paths to sample."""

    question_id: str
    prompt: str
    paths: range


class Engine(Protocol):
    """Samples paths: `local` with the model in this process, `server` through an API."""

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """Returns the table `paths` without exemplar_set; all requests must have the same number of paths."""


@dataclass(frozen=True)
class Chunk:
    """Requests that are sampled together; `columns` are constant columns that are added to the table of paths."""

    requests: tuple[Request, ...]
    sampling: Sampling
    columns: Mapping[str, str]

    @property
    def paths(self) -> int:
        """The number of paths."""
        return sum(len(request.paths) for request in self.requests)

    def table(self, engine: Engine) -> pl.DataFrame:
        """The chunk's paths."""
        paths = engine.sample(self.requests, self.sampling)
        return paths.with_columns(pl.lit(value).alias(name) for name, value in self.columns.items())

    def address(self, digest: str, engine: Mapping[str, Any]) -> str:
        """The hash of everything that determines the chunk's content; `engine` is EngineParams.identity."""
        content = {
            "version": VERSION,
            "model": digest,
            **engine,
            "sampling": self.sampling.model_dump(),
            "columns": dict(self.columns),
            "requests": [
                [r.question_id, r.prompt, r.paths.start, r.paths.stop] for r in self.requests
            ],
        }
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
