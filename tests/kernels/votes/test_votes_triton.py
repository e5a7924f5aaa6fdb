"""Tests that the Triton kernel counts votes like the reference.

It runs on a GPU if there is one, and otherwise in Triton's interpreter.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

pytest.importorskip("triton")

from lmsi_kedro.kernels.votes import reference
from lmsi_kedro.kernels.votes import triton as gpu

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def count(ids: NDArray[np.int64]) -> gpu.Votes:
    votes = gpu.count_votes(torch.from_numpy(ids).to(DEVICE))
    return gpu.Votes(*(column.cpu() for column in votes))


@pytest.mark.parametrize("m", [1, 5, 32, 70])
@pytest.mark.parametrize("keys", [1, 4, 50])
def test_triton_equals_reference(m: int, keys: int) -> None:
    ids = np.random.default_rng(m).integers(-2, keys, (6, m))
    votes = count(ids)
    for row, question in enumerate(ids):
        present = question[question != gpu.ABSENT]
        expected = reference.count_question(
            [None if i == gpu.UNREADABLE else f"{i}" for i in present], None
        )
        assert votes.key[row] == (-1 if expected.key is None else int(expected.key))
        for name in ("votes", "readable", "paths", "confidence", "margin", "entropy"):
            assert getattr(votes, name)[row].item() == getattr(expected, name)
        tied = {str(i) for i in question[votes.tied[row].numpy()]}
        assert sorted(tied) == expected.tied


def test_order_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(-2, 6, (8, 32))
    order = rng.permutation(32)
    votes, shuffled = count(ids), count(ids[:, order])
    assert torch.equal(votes.tied[:, order], shuffled.tied)
    for column, other in zip(votes[:-1], shuffled[:-1], strict=True):
        assert torch.equal(column, other)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_empty_ids_have_no_winners(shape: tuple[int, int]) -> None:
    votes = count(np.zeros(shape, np.int64))
    assert votes.key.tolist() == [-1] * shape[0]
    assert votes.paths.tolist() == [0] * shape[0]


@pytest.mark.parametrize("ids", [torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64)])
def test_bad_ids_are_named(ids: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="ids must be integers"):
        gpu.count_votes(ids)


def test_too_many_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="4097 paths per question, but at most 4096"):
        gpu.count_votes(torch.zeros(1, 4097, dtype=torch.int64))
