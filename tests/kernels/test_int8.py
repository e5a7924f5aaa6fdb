"""Tests that int8 layers equal the reference bit by bit on every instruction set, whatever they are given."""

import pytest
import torch
from torch import Tensor

from lmsi_kedro.kernels import int8
from lmsi_kedro.kernels.attention.native import linear
from tests.kernels.instruction_sets import ISAS, select

SHAPES = [(1, 1, 1), (5, 24, 17), (37, 33, 16), (130, 513, 40), (16, 1030, 48)]  # rows, in, out


def applied(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    result = torch.full((len(x), len(weight)), torch.nan)
    linear(weight, bias, int8=True).apply(x.numpy(), result.numpy())
    return result


def hostile(rows: int, size: int) -> Tensor:
    """Inputs with rows of zeros, outliers, ties and very small and large numbers."""
    x = torch.randn(rows, size)
    x[0::6] = 0
    x[1::6, size // 2] = 1e4
    x[2::6] = torch.randint(-3, 4, x[2::6].shape) / 2
    x[3::6] *= 1e-35
    x[4::6] *= 1e30
    return x


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bits_equal_those_of_the_reference(
    shape: tuple[int, int, int], dtype: torch.dtype, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(isa, monkeypatch)
    torch.manual_seed(0)
    rows, size, out = shape
    weight, bias = hostile(out, size).to(dtype), torch.randn(out).to(dtype)
    for x in (torch.randn(rows, size), hostile(rows, size)):
        expected = int8.multiply(x, weight)
        found = applied(x, weight)
        assert torch.equal(found, expected)
        assert torch.equal(applied(x, weight, bias), expected + bias.float())
        for some in (torch.randperm(rows), torch.tensor([rows - 1])):
            assert torch.equal(applied(x[some], weight), found[some])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_stay_so(
    number: float, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row or an output with such a number has no finite result, and others are not affected."""
    select(isa, monkeypatch)
    torch.manual_seed(0)
    x, weight = torch.randn(5, 400), torch.randn(20, 400)
    expected = applied(x, weight)
    for given, place in ((x, (slice(2, 3), slice(None))), (weight, (slice(None), slice(2, 3)))):
        kept = given[2, 300].clone()
        given[2, 300] = number
        found = applied(x, weight)
        given[2, 300] = kept
        assert not found[place].isfinite().any()
        found[place] = expected[place]
        assert torch.equal(found, expected)


def test_error_is_that_of_eight_bits() -> None:
    """Half a step of 1/127 of the largest weight, and of the largest input of a block."""
    torch.manual_seed(0)
    x, weight = torch.randn(64, 576), torch.randn(300, 576)
    exact = x.double() @ weight.double().T
    error = (applied(x, weight) - exact).std() / exact.std()
    assert 0.005 < error < 0.015
