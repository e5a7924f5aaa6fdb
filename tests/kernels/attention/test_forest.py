"""The C++ attention of packed examples is that of `training.attention` in float64, up to bfloat16's rounding."""

from typing import Any

import pytest
import torch

from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training import attention
from lmsi_kedro.training.forest import Tree, plant
from tests.kernels.instruction_sets import ISAS, select

pytest.importorskip("lmsi_kedro.kernels._native")

# Tokens of each example's prefix, and its own; there are several chunks of 128 keys and blocks of 256 queries.
FORESTS = {
    "one token": [(0, 1)],
    "leaves": [(0, 5), (0, 7), (0, 33)],
    "prefix": [(150, 3), (150, 40), (150, 1)],
    "both": [(290, 130), (290, 17), (0, 19), (0, 300)],
}


@pytest.fixture(params=ISAS)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    select(request.param, monkeypatch)
    return str(request.param)


def forest(lengths: list[tuple[int, int]]) -> tuple[int, list[Tree]]:
    """The number of tokens of a row and its trees."""
    prefix = list(range(10, 400))
    examples = [
        Encoded([*prefix[:shared], 1000 + n, *[n] * (own - 1)], 1)
        for n, (shared, own) in enumerate(lengths)
    ]
    batch = plant(sorted(examples, key=lambda example: example.ids))
    return batch["input_ids"].shape[1], batch["forest"]


def row(tokens: int, heads: int, key_heads: int, width: int) -> list[torch.Tensor]:
    """Queries, keys, values and the gradient of the output, with strides like those of a model."""
    torch.manual_seed(0)
    made = [torch.randn(1, tokens, n, width) for n in (heads, key_heads, key_heads, heads)]
    return [*(part.bfloat16().transpose(1, 2) for part in made[:3]), made[3].bfloat16()]


def attended(parts: list[torch.Tensor], trees: list[Tree], dtype: torch.dtype) -> list[Any]:
    """The output and the gradients of queries, keys and values."""
    given: Any = [part.to(dtype).detach().requires_grad_() for part in parts[:3]]
    q, k, v = given
    output, _ = attention.forest_attention(torch.nn.Module(), q, k, v, None, trees, 0.3)
    return [output, *torch.autograd.grad(output, given, parts[3].to(dtype))]


@pytest.mark.parametrize(("heads", "key_heads", "width"), [(3, 1, 64), (4, 2, 80), (2, 2, 256)])
@pytest.mark.parametrize("name", FORESTS)
def test_outputs_and_gradients_equal_the_specification(
    isa: str, name: str, heads: int, key_heads: int, width: int
) -> None:
    tokens, trees = forest(FORESTS[name])
    parts = row(tokens, heads, key_heads, width)
    assert attention.native(parts[0])
    found, exact = (attended(parts, trees, dtype) for dtype in (torch.bfloat16, torch.float64))
    for one, other in zip(found, exact, strict=True):
        assert (one.double() - other).norm() <= 0.006 * other.norm() + 1e-4


def test_no_token_reads_another_example(isa: str) -> None:
    tokens, trees = forest(FORESTS["both"])
    parts = row(tokens, 3, 1, 64)
    before = attended(parts, trees, torch.bfloat16)
    leaf = trees[0].leaves[0][trees[0].real[0]]
    for part in parts:
        (part[0] if part is parts[3] else part[0].transpose(0, 1))[leaf] = 7.0
    after = attended(parts, trees, torch.bfloat16)
    others = torch.ones(tokens, dtype=torch.bool)
    others[leaf] = False
    assert torch.equal(before[0][0, others], after[0][0, others])
    assert torch.equal(before[1][0, :, others], after[1][0, :, others])


def test_narrow_masked_and_float32_heads_use_torch() -> None:
    tokens, _ = forest(FORESTS["leaves"])
    assert not attention.native(row(tokens, 2, 1, 48)[0])
    assert not attention.native(row(tokens, 2, 1, 72)[0])
    assert not attention.native(row(tokens, 2, 1, 64)[0].float())
    assert not attention.Rules(1.0, window=8, softcap=None, dropout=0.0).plain
    assert not attention.Rules(1.0, window=None, softcap=2.0, dropout=0.0).plain
    assert not attention.Rules(1.0, window=None, softcap=None, dropout=0.1).plain


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, trees = forest(FORESTS["both"])
    parts = row(tokens, 6, 3, 64)
    one = attended(parts, trees, torch.bfloat16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for found, expected in zip(attended(parts, trees, torch.bfloat16), one, strict=True):
        assert torch.equal(found, expected)
