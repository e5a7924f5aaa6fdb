"""Tests that packed linear layers equal torch's on every instruction set, and that rows are independent."""

import pytest
import torch

from lmsi_kedro.kernels.attention.native import linear
from tests.kernels.instruction_sets import ISAS, select

SHAPES = [  # rows, in, out
    (1, 1, 1), (5, 24, 17), (37, 33, 16), (130, 513, 40), (16, 1030, 48), (600, 40, 32), (20, 240, 1184),
    (20, 240, 2560),
]  # fmt: skip


def applied(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    result = torch.full((len(x), layer.out_features), torch.nan)
    linear(layer.weight.detach(), layer.bias).apply(x.numpy(), result.numpy())
    return result


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@torch.inference_mode()
def test_results_equal_those_of_torch(
    shape: tuple[int, int, int], dtype: torch.dtype, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers are tested with and without a bias. With bfloat16 weights, x is rounded, but sums are not."""
    select(isa, monkeypatch)
    torch.manual_seed(0)
    rows, size, out = shape
    for bias in (False, True):
        layer = torch.nn.Linear(size, out, bias, dtype=dtype)
        x = torch.randn(rows, size)
        expected = layer.double()(x.to(dtype).double())
        found = applied(layer.to(dtype), x)
        torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=2e-6)
        for some in (torch.randperm(rows), torch.tensor([rows - 1])):
            assert torch.equal(applied(layer, x[some]), found[some])


def test_shapes_are_checked() -> None:
    layer = linear(torch.ones(3, 4), None)
    for x, y in [((2, 3), (2, 3)), ((2, 4), (2, 4)), ((2, 4), (1, 3))]:
        with pytest.raises(ValueError, match="must"):
            layer.apply(torch.ones(x).numpy(), torch.ones(y).numpy())
    with pytest.raises(ValueError, match="must"):
        linear(torch.ones(3, 4), torch.ones(4))
    with pytest.raises(ValueError, match="must"):
        linear(torch.ones(3, 4).half(), None)
