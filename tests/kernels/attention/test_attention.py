"""Tests that the C++ attention of a decoding step equals the reference, for all shapes and in any batch."""

from typing import Any

import pytest
import torch

from lmsi_kedro.kernels.attention import attend, native, reference
from tests.kernels.attention.cases import case, wide
from tests.kernels.instruction_sets import ISAS, select

SHAPES = [  # rows, heads, key heads, width, shared length, question lengths
    (1, 1, 1, 1, 0, (1,)),
    (5, 4, 4, 40, 17, (3, 16, 1)),
    (37, 4, 2, 64, 300, (40, 7)),
    (33, 6, 2, 24, 0, (5, 0, 33)),
    (16, 8, 1, 128, 513, (257,)),
    (3, 20, 1, 80, 31, (9,)),
]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_native_equals_reference(
    shape: Any, dtype: torch.dtype, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are equal within rounding, and both implementations append the same keys and values."""
    select(isa, monkeypatch)
    one, two = case(shape, dtype), wide(case(shape, dtype))
    found, expected = native.attend_step(**one), reference.attend_step(**two)
    error = (found.float() - expected).abs().max() / expected.abs().max()
    assert error < (2e-6 if dtype == torch.float32 else 8e-3)  # bfloat16 keeps 8 bits
    assert all(torch.equal(a.float(), b) for a, b in zip(one["own"], two["own"], strict=True))


def test_step_equals_attention_over_the_whole_row() -> None:
    """attend_step equals attend for the last token of the sequence shared prefix + question + own tokens."""
    given = case((2, 4, 2, 16, 5, (3, 2)), torch.float32)
    stepped = reference.attend_step(**given)
    for row, (question, slot, length) in enumerate(given["paths"].tolist()):
        parts = [
            [getattr(given["shared"], kind)[0],
             getattr(given["questions"], kind)[question, :, : given["questions"].lengths[question]],
             given["own"][i][slot, :, : length + 1, :16]]
            for i, kind in enumerate(("keys", "values"))
        ]  # fmt: skip
        keys, values = (torch.cat(part, 1)[None] for part in parts)
        query = torch.zeros(1, 4, keys.shape[2], 16)
        query[0, :, -1] = given["query"][row]
        whole = attend(query, keys, values, None, given["scale"])[0, :, -1]
        torch.testing.assert_close(stepped[row], whole)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("heads", [(4, 2, 40), (9, 3, 64), (5, 1, 40), (17, 1, 24)], ids=str)
def test_rows_do_not_depend_on_the_batch(
    heads: tuple[int, int, int], dtype: torch.dtype, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of a row is bit-identical in a reordered batch, in a smaller batch, and alone."""
    select(isa, monkeypatch)
    given = case((37, *heads, 300, (40, 7)), dtype)
    together = native.attend_step(**given)
    for rows in [torch.randperm(37), torch.tensor([5]), torch.arange(8, 20)]:
        some = given | {name: given[name][rows] for name in ("query", "key", "value", "paths")}
        assert torch.equal(native.attend_step(**some), together[rows])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [(0, 2, "question"), (0, -1, "question"), (1, 40, "slot"), (2, 270, "longer than its slot")],
)
def test_paths_out_of_range_are_refused(column: int, value: int, message: str) -> None:
    given = case((37, 4, 2, 40, 3, (4, 7)), torch.float32)
    given["paths"][3, column] = value
    with pytest.raises(ValueError, match=message):
        native.attend_step(**given)


def test_formats_and_shapes_are_checked() -> None:
    given = case((3, 4, 2, 40, 3, (4,)), torch.float32)
    own = given["own"][0], given["own"][0][:, :1]
    for wrong in [
        {"key": given["key"].bfloat16()},
        {"key": given["key"][:2]},
        {"query": given["query"][:, :3]},
        {"own": own},
    ]:
        with pytest.raises(ValueError, match="must"):
            native.attend_step(**given | wrong)
