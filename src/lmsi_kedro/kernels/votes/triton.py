"""Counts votes over integer key ids that are already in GPU memory, with one program per question.

Every number is bit-identical to the reference. Ties have no winner, because weights would need exact sums, which
only the CPU implementations compute.
"""

# Triton interprets annotations itself, and compile-time arguments are in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803

from typing import NamedTuple

import torch
import triton
import triton.language as tl

from .reference import ENTROPY_UNITS, entropy_units

MOST_PATHS = 4096  # so that sums of entropy units fit into 64 bits
UNREADABLE = -1
ABSENT = -2  # pads a question with fewer paths


class Votes(NamedTuple):
    """A row per question; `lmsi_kedro.kernels.votes.count_votes` describes the columns."""

    key: torch.Tensor  # [questions] int64, UNREADABLE if there is no winner
    votes: torch.Tensor  # [questions] int32, as are readable and paths
    readable: torch.Tensor
    paths: torch.Tensor
    confidence: torch.Tensor  # [questions] float64, as are margin and entropy
    margin: torch.Tensor
    entropy: torch.Tensor
    tied: torch.Tensor  # [questions, m] bool: whether the path has a key with the most votes


@triton.jit
def _counts(row, ids, m, M: tl.constexpr, CHUNK: tl.constexpr):
    """Returns, for each path, the number of paths with the same key, and the index of the first of them."""
    counts = tl.zeros((M,), tl.int32)
    first = tl.full((M,), M, tl.int32)
    for begin in range(0, M, CHUNK):
        at = begin + tl.arange(0, CHUNK)
        others = tl.load(row + at, mask=at < m, other=-2)
        equal = ids[:, None] == others[None, :]
        counts += tl.sum(equal.to(tl.int32), axis=1)
        first = tl.minimum(first, tl.min(tl.where(equal, at[None, :], M), axis=1))
    return counts, first


@triton.jit
def _kernel(keys, stride, m, units, winner, votes, readable, paths, confidence, margin, entropy, tied,
            UNITS: tl.constexpr, M: tl.constexpr, CHUNK: tl.constexpr):  # fmt: skip
    question = tl.program_id(0)
    row = keys + tl.cast(question, tl.int64) * stride
    at = tl.arange(0, M)
    ids = tl.load(row + at, mask=at < m, other=-2)
    counts, first = _counts(row, ids, m, M, CHUNK)
    counts = tl.where(ids >= 0, counts, 0)
    top = tl.max(counts)
    leads = (counts == top) & (counts > 0)
    leaders = tl.sum((leads & (first == at)).to(tl.int32))
    second = tl.max(tl.where(leads, 0, counts))
    second = tl.where(leaders > 1, top, second)
    key = tl.max(tl.where(leads, ids, -1))
    read = tl.sum((ids >= 0).to(tl.int32))
    present = tl.sum((ids != -2).to(tl.int32))
    share = tl.maximum(present, 1).to(tl.float64)
    tl.store(winner + question, tl.where(leaders == 1, key, -1))
    tl.store(votes + question, top)
    tl.store(readable + question, read)
    tl.store(paths + question, present)
    tl.store(confidence + question, top.to(tl.float64) / share)
    tl.store(margin + question, (top - second).to(tl.float64) / share)
    # Integer units, as in the reference, give the same sum in any order.
    spread = tl.load(units + read) - tl.sum(tl.load(units + tl.where(first == at, counts, 0)))
    tl.store(entropy + question, spread.to(tl.float64) / tl.maximum(read, 1) / UNITS)
    tl.store(tied + tl.cast(question, tl.int64) * m + at, leads, mask=at < m)


def count_votes(ids: torch.Tensor) -> Votes:
    """Counts the votes of `ids` [questions, m]: each is the id of a key (0 or more), UNREADABLE or ABSENT."""
    if ids.ndim != 2 or ids.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"ids must be integers [questions, m], not {ids.dtype} {tuple(ids.shape)}")
    questions, m = ids.shape
    if m > MOST_PATHS:
        raise ValueError(f"ids have {m} paths per question, but at most {MOST_PATHS} are supported")
    ids = ids.to(torch.int64).contiguous()

    def column(dtype: torch.dtype, *shape: int) -> torch.Tensor:
        return torch.zeros((questions, *shape), dtype=dtype, device=ids.device)

    integer, real = torch.int32, torch.float64
    table = Votes(
        key=column(torch.int64) + UNREADABLE,
        votes=column(integer),
        readable=column(integer),
        paths=column(integer),
        confidence=column(real),
        margin=column(real),
        entropy=column(real),
        tied=column(torch.bool, m),
    )
    if questions and m:
        units = torch.tensor([entropy_units(count) for count in range(m + 1)], device=ids.device)
        padded = max(triton.next_power_of_2(m), 16)
        _kernel[(questions,)](
            ids, m, m, units, *table, UNITS=float(ENTROPY_UNITS), M=padded, CHUNK=16
        )
    return table
