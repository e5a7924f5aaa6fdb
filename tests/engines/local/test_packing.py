"""Packed linear layers give the same results, whichever of the layers that share an input is called first."""

import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from lmsi_kedro.engines.local.packing import PackedLinear, pack
from lmsi_kedro.kernels import int8


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


def linear_layers(model: Any) -> list[list[Any]]:
    """The linear layers of a model, those with the same input together."""
    found = [[model.lm_head]]
    for layer in model.model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        found += [[attention.q_proj, attention.k_proj, attention.v_proj], [attention.o_proj]]
        found += [[mlp.gate_proj, mlp.up_proj], [mlp.down_proj]]
    return found


def int8_product(x: Tensor, layers: list[nn.Linear]) -> Tensor:
    """What int8 layers with the same input compute, by the reference."""
    product = int8.multiply(x, torch.cat([layer.weight for layer in layers]))
    if layers[0].bias is None:
        return product
    return product + torch.cat([layer.bias for layer in layers])


@torch.inference_mode()
def test_every_layer_of_a_model_is_int8() -> None:
    """Joint layers have biases; layers alone and the LM head have none."""
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=80, hidden_size=48, intermediate_size=208, num_hidden_layers=2,
            num_attention_heads=3, num_key_value_heads=1, tie_word_embeddings=True,
        )
    )  # fmt: skip
    for name, bias in model.named_parameters():
        if name.endswith("bias"):
            bias.normal_()
    given = [(torch.randn(5, layers[0].in_features), layers) for layers in linear_layers(model)]
    expected = [int8_product(x, layers) for x, layers in given]
    pack(model, int8=True)
    for (x, _), packed, one in zip(given, linear_layers(model), expected, strict=True):
        assert torch.equal(torch.cat([layer(x) for layer in packed], 1), one)
