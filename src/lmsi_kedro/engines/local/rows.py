"""The state of a chunk's paths while they are sampled: their tokens, and which of them are in the batch."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.thoughts import STOP, speech

TAIL = 8  # number of last tokens searched for a stop sequence; "\nQ:" has at most 3 tokens in any tokenizer
STEP = 16  # a shrinking batch keeps a multiple of this many rows, so that few shapes occur
Ints = NDArray[np.int64]


def stream_of(question_id: str) -> int:
    """The 64-bit random stream of a question."""
    return int.from_bytes(hashlib.blake2b(question_id.encode(), digest_size=8).digest(), "big")


class Stops:
    """Decides where paths end: at an end token, or where they begin to invent a question outside of a thought."""

    def __init__(self, encoder: Encoder, ends: Collection[int]) -> None:
        self.encoder, self.ends = encoder, np.array(sorted(ends), np.int64)
        tokens = [[token] for token in range(len(encoder.tokenizer))]
        pieces = encoder.tokenizer.batch_decode(tokens)
        # Only these tokens can complete the stop sequence. Decoding the last tokens of every row instead took as
        # long as a layer.
        self.closing = np.array([i for i, p in enumerate(pieces) if STOP[-1] in p], np.int64)

    def reached(self, last: Ints, path: Callable[[int], Ints]) -> NDArray[np.bool_]:
        """Whether each row ends with its newest token; path(row) gives all tokens of a row."""
        ended = np.isin(last, self.ends)
        for row in np.flatnonzero(np.isin(last, self.closing)):
            ended[row] |= self.invents(path(int(row)).tolist())
        return ended

    def invents(self, path: list[int]) -> bool:
        """Whether a path ends with the beginning of an invented question, which is allowed within a thought."""
        if STOP not in self.encoder.tokenizer.decode(path[-TAIL:]):
            return False
        text = self.encoder.written(path)
        return speech(text)[1] < len(text)

    def text(self, path: list[int]) -> str:
        """The text to store for a path."""
        ends = set(self.ends.tolist())
        return self.encoder.path(self.encoder.written([t for t in path if t not in ends]))


@dataclass
class Rows:
    """All paths of a chunk. Those in `batch` are being sampled, except that complete ones only pad the batch."""

    requests: Sequence[Request]
    stops: Stops
    length: int  # maximum tokens of a path
    size: int  # maximum batch size
    batch: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    begun: int = 0

    def __post_init__(self) -> None:
        paths = [(i, path) for i, r in enumerate(self.requests) for path in r.paths]
        self.question, self.path = np.array(paths, np.int64).T
        self.tokens = np.zeros((len(paths), self.length), np.int64)
        self.lengths = np.zeros(len(paths), np.int64)
        self.logprobs = np.zeros(len(paths))
        self.ended = np.zeros(len(paths), bool)  # at an end token or stop sequence
        self.size = min(self.size, len(paths))
        streams = np.array([stream_of(r.question_id) for r in self.requests], np.uint64)
        self.streams = streams[self.question]

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which paths are complete."""
        full: NDArray[np.bool_] = self.lengths == self.length
        return self.ended | full

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which rows of the batch are not complete yet."""
        return ~self.ended[self.batch] & (self.lengths[self.batch] < self.length)

    @property
    def are_left(self) -> bool:
        """Whether there are incomplete paths, including those that have not begun."""
        return self.begun < len(self.path) or bool(self.active.any())

    def coming(self, refills: bool) -> int:
        """The number of paths that join the batch next; without refills, 0 until all others have ended."""
        active = int(self.active.sum())
        room = self.size - active if refills or not active else 0
        return min(room, len(self.path) - self.begun)

    def compact(self, coming: int) -> Ints | None:
        """Removes finished rows that are not needed as padding; returns the rows that stay, or None for all.

        coming: the number of rows that join the batch next.
        """
        active = self.active
        shape = min(self.size, -(-(active.sum() + coming) // STEP) * STEP)
        wanted = shape - coming if active.any() else 0
        finished = np.flatnonzero(~active)
        idle = finished[: max(0, wanted - active.sum())]
        if len(idle) == len(finished):
            return None
        kept = np.sort(np.concatenate([np.flatnonzero(active), idle]))
        self.batch = self.batch[kept]
        return kept

    def begin(self, count: int) -> Ints:
        """Adds the next paths to the batch; returns their questions."""
        new = np.arange(self.begun, self.begun + count)
        self.begun += count
        self.batch = np.concatenate([self.batch, new])
        questions: Ints = self.question[new]
        return questions

    def last_tokens(self) -> Tensor:
        """The newest token of each row."""
        return torch.from_numpy(self.tokens[self.batch, self.lengths[self.batch] - 1])

    def counters(self, seed: int) -> NDArray[np.uint64]:
        """The counters [R, 4] of the sampler: seed, stream, path, position."""
        counters = np.empty((len(self.batch), 4), np.uint64)
        counters[:, 0], counters[:, 1] = seed, self.streams[self.batch]
        counters[:, 2], counters[:, 3] = self.path[self.batch], self.lengths[self.batch]
        return counters

    def describe(self, row: int) -> str:
        """The question, path and token of a row of the batch, for errors."""
        path = self.batch[row]
        request = self.requests[self.question[path]]
        return f"question {request.question_id}, path {self.path[path]}, token {self.lengths[path]}"

    def append(self, tokens: Any, logprobs: Any) -> None:
        """Appends a token to every active row, and ends the rows that are complete."""
        active = self.active
        rows = self.batch[active]
        last = torch.as_tensor(tokens).cpu().numpy()[active]
        self.tokens[rows, self.lengths[rows]] = last
        self.logprobs[rows] += torch.as_tensor(logprobs).cpu().numpy()[active]
        self.lengths[rows] += 1
        ends = self.lengths[rows]
        self.ended[rows] = self.stops.reached(last, lambda i: self.tokens[rows[i], : ends[i]])

    def table(self) -> pl.DataFrame:
        """The table of all paths; a text ends at the end token or before an invented question."""
        written = [row[:n].tolist() for row, n in zip(self.tokens, self.lengths, strict=True)]
        return pl.DataFrame(
            {
                "question_id": [self.requests[i].question_id for i in self.question],
                "path": pl.Series(self.path, dtype=pl.Int32),
                "text": [self.stops.text(path) for path in written],
                "tokens": pl.Series(self.lengths, dtype=pl.Int32),
                "logprob": self.logprobs,
                "finish": np.where(self.ended, "stop", "length").tolist(),
            }
        )
