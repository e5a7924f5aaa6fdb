"""The unit of sampling: requests that share a prompt, addressed by everything that decides their paths."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lmsi_kedro.params import Sampling
from lmsi_kedro.tasks import Prompt

VERSION = 2  # of the sampling code: raise it when the same inputs give other text


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
