"""The paths of a chunk: which are being written, what was drawn for them. Knows nothing of models."""

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

TAIL = 8  # tokens looked at for a stop sequence; "\nQ:" is at most 3 tokens of any tokenizer
STEP = 16  # rows are a multiple of it while a batch shrinks: few shapes, each of which is prepared once
Ints = NDArray[np.int64]


def stream_of(question_id: str) -> int:
    """The 64-bit random stream of a question."""
    return int.from_bytes(hashlib.blake2b(question_id.encode(), digest_size=8).digest(), "big")


class Stops:
    """Where a path ends: at certain tokens, and where it begins to invent a question outside of a thought."""

    def __init__(self, encoder: Encoder, ends: Collection[int]) -> None:
        self.encoder, self.ends = encoder, np.array(sorted(ends), np.int64)
        tokens = [[token] for token in range(len(encoder.tokenizer))]
        pieces = encoder.tokenizer.batch_decode(tokens)
        # Only after these can the sequence be complete: to decode every row's tail took as long as a layer.
        self.closing = np.array([i for i, p in enumerate(pieces) if STOP[-1] in p], np.int64)

    def reached(self, last: Ints, path: Callable[[int], Ints]) -> NDArray[np.bool_]:
        """For the newest token of each row, whose tokens so far are its `path`."""
        ended = np.isin(last, self.ends)
        for row in np.flatnonzero(np.isin(last, self.closing)):
            ended[row] |= self.invents(path(int(row)).tolist())
        return ended

    def invents(self, path: list[int]) -> bool:
        """Whether a path ends with the beginning of a question that it invents; in a thought it may."""
        if STOP not in self.encoder.tokenizer.decode(path[-TAIL:]):
            return False
        text = self.encoder.written(path)
        return speech(text)[1] < len(text)

    def text(self, path: list[int]) -> str:
        """What is kept of a path's text."""
        ends = set(self.ends.tolist())
        return self.encoder.path(self.encoder.written([t for t in path if t not in ends]))


@dataclass
class Rows:
    """Paths in a fixed order, of which `batch` are in work; those with `active` False only keep its shape."""

    requests: Sequence[Request]
    stops: Stops
    length: int  # tokens a path may have
    size: int  # rows at a time
    batch: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    begun: int = 0

    def __post_init__(self) -> None:
        paths = [(i, path) for i, r in enumerate(self.requests) for path in r.paths]
        self.question, self.path = np.array(paths, np.int64).T
        self.tokens = np.zeros((len(paths), self.length), np.int64)
        self.lengths = np.zeros(len(paths), np.int64)
        self.logprobs = np.zeros(len(paths))
        self.ended = np.zeros(len(paths), bool)  # by a stop
        self.size = min(self.size, len(paths))
        streams = np.array([stream_of(r.question_id) for r in self.requests], np.uint64)
        self.streams = streams[self.question]

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which paths are written to their end."""
        full: NDArray[np.bool_] = self.lengths == self.length
        return self.ended | full

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which rows of the batch are still being written."""
        return ~self.ended[self.batch] & (self.lengths[self.batch] < self.length)

    @property
    def are_left(self) -> bool:
        """Whether a path is being written or waits."""
        return self.begun < len(self.path) or bool(self.active.any())

    def coming(self, refills: bool) -> int:
        """How many paths begin next: beside others if the decoder refills, else when all have ended."""
        active = int(self.active.sum())
        room = self.size - active if refills or not active else 0
        return min(room, len(self.path) - self.begun)

    def compact(self, coming: int) -> Ints | None:
        """Drop finished rows that the shape does not need beside `coming` ones; the rows kept, None for all."""
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
        """The next paths of the order join the batch; returns their questions."""
        new = np.arange(self.begun, self.begun + count)
        self.begun += count
        self.batch = np.concatenate([self.batch, new])
        questions: Ints = self.question[new]
        return questions

    def last_tokens(self) -> Tensor:
        """The newest token of each row."""
        return torch.from_numpy(self.tokens[self.batch, self.lengths[self.batch] - 1])

    def counters(self, seed: int) -> NDArray[np.uint64]:
        """[R, 4]: seed, stream, path, position."""
        counters = np.empty((len(self.batch), 4), np.uint64)
        counters[:, 0], counters[:, 1] = seed, self.streams[self.batch]
        counters[:, 2], counters[:, 3] = self.path[self.batch], self.lengths[self.batch]
        return counters

    def named(self, row: int) -> str:
        """Which token of which path a row of the batch is at."""
        path = self.batch[row]
        request = self.requests[self.question[path]]
        return f"question {request.question_id}, path {self.path[path]}, token {self.lengths[path]}"

    def append(self, tokens: Any, logprobs: Any) -> None:
        """Add one token to every active row, and end the rows that are done."""
        active = self.active
        rows = self.batch[active]
        last = torch.as_tensor(tokens).cpu().numpy()[active]
        self.tokens[rows, self.lengths[rows]] = last
        self.logprobs[rows] += torch.as_tensor(logprobs).cpu().numpy()[active]
        self.lengths[rows] += 1
        ends = self.lengths[rows]
        self.ended[rows] = self.stops.reached(last, lambda i: self.tokens[rows[i], : ends[i]])

    def table(self) -> pl.DataFrame:
        """Texts end where the model ended them, or where it began to invent a question."""
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
