"""The C++ attention of a decoding step, which takes tensors without copying."""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from lmsi_kedro.kernels import _native

from .prefixes import Prefixes

decoder, empty_prefixes = _native.Decoder, _native.Prefixes
_packed = WeakKeyDictionary[Prefixes, Any]()


def packed(prefixes: Prefixes) -> Any:
    """The prefixes in the C++ layout, converted once and cached for as long as they exist."""
    if prefixes not in _packed:
        keys, values = prefixes.keys.contiguous(), prefixes.values.contiguous()
        _packed[prefixes] = _native.Prefixes(array(keys), array(values), list(prefixes.lengths))
    return _packed[prefixes]


def attend_step(
    query: Tensor, key: Tensor, value: Tensor, own: tuple[Tensor, Tensor], paths: Tensor,
    shared: Prefixes, questions: Prefixes, scale: float,
) -> Tensor:  # fmt: skip
    if not query.dtype == key.dtype == value.dtype == own[0].dtype:
        raise ValueError("query, key, value and own keys must have the same dtype")
    if key.shape != value.shape or (len(query), query.shape[2]) != (len(key), key.shape[2]):
        raise ValueError("query, key and value must be [rows, heads, width]")
    tokens = torch.cat([query, key, value], 1).float()
    output = torch.empty_like(query, dtype=torch.float32, memory_format=torch.contiguous_format)
    packs, buffers = (packed(shared), packed(questions)), (array(own[0]), array(own[1]))
    _native.attend(*packs, array(tokens), *buffers, array(paths), scale, array(output))
    return output.to(query.dtype)


def linear(weight: Tensor, bias: Tensor | None, int8: bool = False) -> Any:
    """Packs a linear layer for the C++; with int8, it computes `kernels.int8.multiply`."""
    return _native.Linear(
        array(weight.contiguous()), None if bias is None else array(bias.detach()), int8
    )


def array(tensor: Tensor) -> Any:
    """A numpy view of a tensor; bfloat16 is viewed as its bits in uint16."""
    plain = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
    return plain.numpy()
