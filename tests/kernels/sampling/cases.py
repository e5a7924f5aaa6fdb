"""Sampling parameters, counters like those of a run, and random logits for the tests of sample_tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmsi_kedro.kernels.sampling import sample_tokens

Row = Sequence[float] | NDArray[Any]


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0


PLANS = [
    Sampling(0.7),
    Sampling(1.0),
    Sampling(0.7, top_k=40, top_p=0.95),
    Sampling(1.3, top_p=0.9, min_p=0.02),
    Sampling(0.5, top_k=5, min_p=0.3),
    Sampling(1.0, min_p=0.05),
    Sampling(2.0, top_p=0.01),
    Sampling(1.0, top_k=1),
    Sampling(0.0, top_k=3),
    Sampling(1e-6),
]


def counters_of(rows: int, seed: int = 0) -> NDArray[np.uint64]:
    """Counters like those of a run, for consecutive paths of one question."""
    counters = np.zeros((rows, 4), np.uint64)
    counters[:, 0] = seed
    counters[:, 1] = 0x9E3779B97F4A7C15
    counters[:, 2] = np.arange(rows)
    return counters


def logits_of(
    rows: int, vocabulary: int, spread: float = 3.0, seed: int = 0
) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal((rows, vocabulary)) * spread).astype(
        np.float32
    )


def draw(row: Row, sampling: Sampling, rows: int = 2000) -> NDArray[np.int64]:
    logits = np.broadcast_to(np.asarray(row, np.float32), (rows, len(row)))
    return sample_tokens(logits, sampling, counters_of(rows))[0]
