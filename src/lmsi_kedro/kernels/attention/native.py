"""The C++ attention of a step: hands tensors over without copying."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lmsi_kedro.kernels import _native

if TYPE_CHECKING:
    from .prefixes import Prefixes


def packed(prefixes: "Prefixes") -> Any:
    return _native.Prefixes(
        array(prefixes.keys.contiguous()),
        array(prefixes.values.contiguous()),
        list(prefixes.lengths),
    )


def attend_step(
    query: Tensor, key: Tensor, value: Tensor, own: tuple[Tensor, Tensor], paths: Any,
    shared: "Prefixes", questions: "Prefixes", scale: float,
) -> Tensor:  # fmt: skip
    query = query.contiguous()
    output = torch.empty_like(query)
    new = array(query), array(key.contiguous()), array(value.contiguous())
    buffers = array(own[0]), array(own[1])
    packs = shared.packed, questions.packed
    _native.attend(*packs, *new, *buffers, paths.numpy(), scale, array(output))
    return output


def array(tensor: Tensor) -> Any:
    """Float32, or bfloat16 bits as uint16."""
    plain = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
    return plain.numpy()
