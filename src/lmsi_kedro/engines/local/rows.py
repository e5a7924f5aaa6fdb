"""The tokens drawn so far for the paths of a chunk. Knows nothing of models."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.tasks import STOP, said

TAIL = 8  # tokens looked at for a stop sequence; "\nQ:" is at most 3 tokens of any tokenizer


def stream_of(question_id: str) -> int:
    """The 64-bit random stream of a question."""
    return int.from_bytes(hashlib.blake2b(question_id.encode(), digest_size=8).digest(), "big")


class Rows:
    """The tokens drawn so far for the paths of a chunk, and which rows are still being written."""

    def __init__(self, requests: Sequence[Request], tokenizer: Any, ends: Collection[int]) -> None:
        self.tokenizer, self.ends = tokenizer, ends
        self.ids = [(request.question_id, path) for request in requests for path in request.paths]
        self.streams = np.array([stream_of(question) for question, _ in self.ids], np.uint64)
        self.tokens: list[list[int]] = [[] for _ in self.ids]
        self.logprobs = np.zeros(len(self.ids))
        self.finish = ["length"] * len(self.ids)
        self.index = torch.arange(len(self.ids))  # the path of each row of the batch
        self.active = torch.ones(len(self.ids), dtype=torch.bool)

    def counters(self, seed: int, position: int) -> np.ndarray:
        """[R, 4]: seed, stream, path, position."""
        rows = self.index.numpy()
        counters = np.empty((len(rows), 4), np.uint64)
        counters[:, 0], counters[:, 3] = seed, position
        counters[:, 1] = self.streams[rows]
        counters[:, 2] = [self.ids[row][1] for row in rows]
        return counters

    def append(self, tokens: Any, logprobs: Any, last: bool) -> None:
        """Add one token to every active row, and end the rows that are done."""
        self.last_tokens = torch.as_tensor(tokens).long().cpu()
        drawn, gains = self.last_tokens.tolist(), torch.as_tensor(logprobs).double().cpu().numpy()
        writing = self.active.nonzero().flatten().tolist()
        for row in writing:
            path = int(self.index[row])
            self.tokens[path].append(drawn[row])
            self.logprobs[path] += gains[row]
        tails = [self.tokens[int(self.index[row])][-TAIL:] for row in writing]
        for row, tail, text in zip(writing, tails, self.tokenizer.batch_decode(tails), strict=True):
            if tail[-1] in self.ends or STOP in text:
                self.finish[int(self.index[row])] = "stop"
                self.active[row] = False
        if last:
            self.active[:] = False

    def compact(self) -> Tensor:
        """Drop the finished rows; returns the rows kept."""
        kept = self.active.nonzero().flatten()
        self.index, self.active = self.index[kept], self.active[kept]
        self.last_tokens = self.last_tokens[kept]
        return kept

    def table(self) -> pl.DataFrame:
        """Texts end where the model ended them, or where it began to invent a question."""
        texts = self.tokenizer.batch_decode(self.tokens, skip_special_tokens=True)
        return pl.DataFrame(
            {
                "question_id": [question for question, _ in self.ids],
                "path": pl.Series([path for _, path in self.ids], dtype=pl.Int32),
                "text": [said(text) for text in texts],
                "tokens": pl.Series([len(tokens) for tokens in self.tokens], dtype=pl.Int32),
                "logprob": self.logprobs,
                "finish": self.finish,
            }
        )
