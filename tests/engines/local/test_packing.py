"""Packed linear layers give the same results, whichever of the layers that share an input is called first."""

import weakref
from typing import Any

import pytest
import torch
from torch import nn

from lmsi_kedro.engines.local.packing import PackedLinear, pack


class Attention(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.q_proj = nn.Linear(24, 32, bias=bias)
        self.k_proj, self.v_proj = nn.Linear(24, 16, bias=bias), nn.Linear(24, 16, bias=bias)
        self.o_proj = nn.Linear(32, 24)


@pytest.mark.parametrize("bias", [False, True])
@torch.inference_mode()
def test_layers_sharing_an_input_become_one_matmul(bias: bool) -> None:
    layer, inputs = Attention(bias), [torch.randn(5, 1, 24) for _ in range(2)]
    names = ["q_proj", "k_proj", "v_proj"]
    expected = [[getattr(layer, name)(x) for x in inputs] for name in names]
    pack(layer)
    assert sum(isinstance(module, PackedLinear) for module in layer.modules()) == 2
    for order in (names, names[::-1]):
        for i, x in enumerate(inputs):
            for name in order:
                torch.testing.assert_close(getattr(layer, name)(x), expected[names.index(name)][i])


@torch.inference_mode()
def test_packed_product_is_freed_with_its_input() -> None:
    """The product is freed even if only some of the joined layers were called."""
    layer = Attention(False)
    pack(layer)
    x: Any = torch.randn(5, 24)
    layer.k_proj(x)
    kept = weakref.ref(x.product[1])
    del x
    assert kept() is None


@pytest.mark.parametrize("other", [nn.Linear(24, 16), nn.Linear(24, 16, bias=False).bfloat16()])
@torch.inference_mode()
def test_layers_that_differ_are_not_packed(other: nn.Linear) -> None:
    layer = Attention(bias=False)
    layer.v_proj = other
    x = torch.randn(3, 24, dtype=other.weight.dtype)
    expected = layer.v_proj(x)
    pack(layer)
    torch.testing.assert_close(layer.v_proj(x), expected)
    assert all(isinstance(getattr(layer, f"{n}_proj"), PackedLinear) for n in "qkvo")
