"""The unit of sampling: requests computed together, addressed by everything that decides their paths."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from lmsi_kedro.params import Sampling

VERSION = 9  # of the sampling code: raise it when the same inputs give other text


@dataclass(frozen=True)
class Request:
    """Paths wanted of one question: its prompt and the path indices."""

    question_id: str
    prompt: str
    paths: range


class Engine(Protocol):
    """What draws paths: `local` has the model in this process, `server` asks for them."""

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """The paths of requests with as many paths each: `paths` but exemplar_set."""


@dataclass(frozen=True)
class Chunk:
    """Requests that are sampled together; columns are constants added to its table."""

    requests: tuple[Request, ...]
    sampling: Sampling
    columns: Mapping[str, str]

    def table(self, engine: Engine) -> pl.DataFrame:
        """The chunk's paths."""
        drawn = engine.sample(self.requests, self.sampling)
        return drawn.with_columns(pl.lit(value).alias(name) for name, value in self.columns.items())

    def address(self, digest: str, engine: Mapping[str, Any]) -> str:
        """The hash of all that decides the chunk's content: engine is EngineParams.identity."""
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
