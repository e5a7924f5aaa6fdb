"""The C++ attention of packed training examples in bfloat16; `training.attention` is the specification."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from lmsi_kedro.kernels import _native

from .native import array


class AttendForest(Function):
    """Attention of queries [N, H, D] to keys and values [N, h, D], all contiguous.

    segments [S, 3]: start, length, and the index of the segment before, or -1. Tokens in no segment get 0.
    """

    @staticmethod
    def forward(
        context: Any, q: Tensor, k: Tensor, v: Tensor, segments: Tensor, scale: float
    ) -> Tensor:
        output = torch.zeros_like(q)
        logs = q.new_zeros(k.shape[1], len(q), q.shape[1] // k.shape[1], dtype=torch.float32)
        given = *arrays(q, k, v, segments), scale
        each_head(k, _native.attend_forest, given, arrays(output, logs))
        context.save_for_backward(q, k, v, segments, output, logs)
        context.scale = scale
        return output

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of queries, keys and values; the latter two are summed in float32."""
        q, k, v, segments, output, logs = context.saved_tensors
        of_q = torch.zeros_like(q)
        of_k, of_v = (
            part.new_zeros(part.transpose(0, 1).shape, dtype=torch.float32) for part in (k, v)
        )
        given = *arrays(q, k, v, segments), context.scale
        rest = arrays(output, logs, gradient.contiguous(), of_q, of_k, of_v)
        each_head(k, _native.differentiate_forest, given, rest)
        return of_q, of_k.transpose(0, 1).to(k.dtype), of_v.transpose(0, 1).to(v.dtype), None, None


def arrays(*tensors: Tensor) -> list[Any]:
    return [array(tensor) for tensor in tensors]


def each_head(keys: Tensor, compute: Callable[..., None], given: Any, made: Any) -> None:
    """Calls compute(*given, head, *made) for each key head, on as many threads as torch uses."""
    heads = range(keys.shape[1])
    list(pool(torch.get_num_threads()).map(lambda head: compute(*given, head, *made), heads))


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
