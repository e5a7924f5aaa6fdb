"""Samples one token per row of logits; the token does not depend on the batch or on the position in the batch.

`reference.py` is the specification. `native.py` (C++) handles numpy arrays and CPU tensors, and `triton.py`
handles CUDA tensors.
"""

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from lmsi_kedro.kernels import dispatch

from . import reference
from .rules import MAX_VOCABULARY, Rules, Sampling
from .rules import LogitsError as LogitsError

if TYPE_CHECKING:
    import torch

    Floats = NDArray[np.float64]
    Tokens = NDArray[np.int64]


@overload
def sample_tokens(
    logits: "torch.Tensor", sampling: Sampling, counters: "torch.Tensor | NDArray[Any]"
) -> "tuple[torch.Tensor, torch.Tensor]": ...
@overload
def sample_tokens(
    logits: NDArray[np.float32], sampling: Sampling, counters: NDArray[Any]
) -> "tuple[Tokens, Floats]": ...
def sample_tokens(logits: Any, sampling: Sampling, counters: Any) -> Any:
    """Samples a token from each row, after temperature, top-k, top-p (renormalised) and min-p, in this order.

    The sampled token depends only on the row's logits and counter; see `reference` for the formula. Among equal
    logits at a filter's threshold, the lowest token ids are kept.

    Examples:
        >>> import numpy as np
        >>> from lmsi_kedro import kernels
        >>> from lmsi_kedro.params import Sampling
        >>> logits = np.array([[0.0, 2.0, 1.0]] * 4, np.float32)
        >>> counters = np.array([[2026, 99, path, 0] for path in range(4)], np.uint64)
        >>> sampling = Sampling(temperature=1.0, top_k=2, max_new_tokens=1, seed=2026)
        >>> tokens, logprobs = kernels.sample_tokens(logits, sampling, counters)
        >>> set(tokens.tolist()) <= {1, 2}
        True
        >>> alone, _ = kernels.sample_tokens(logits[2:3], sampling, counters[2:3])
        >>> bool(alone[0] == tokens[2])  # independent of the batch
        True

    Args:
        logits: [rows, vocabulary] float32 or bfloat16 torch tensor, or float32 numpy array.
        sampling: an object with temperature (0 means greedy: the first maximum), top_k (0 means off), top_p (1
            means off) and min_p (0 means off).
        counters: [rows, 4] uint64 (or int64, as the same bits): seed, stream (a 64-bit hash of the question id),
            path, position; path and position below 2**32.

    Returns:
        tokens [rows] int64 and logprobs [rows] float64 (at temperature 1, unfiltered). They are tensors on the
            logits' device if the logits are a tensor, and otherwise arrays.

    Raises:
        LogitsError: a ValueError that names the row whose logits contain NaN or +inf or are all -inf.
        ValueError: for a parameter that is out of range; the message names it.
    """
    rules = Rules.of(sampling)
    if isinstance(logits, np.ndarray):
        if logits.dtype != np.float32:
            raise ValueError(f"logits must be float32, not {logits.dtype}")
        return _on_cpu(logits, rules, _checked_counters(logits, np.asarray(counters)))
    return _of_tensor(logits, rules, counters)


def _of_tensor(logits: "torch.Tensor", rules: Rules, counters: Any) -> Any:
    import torch

    if logits.dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"logits must be float32 or bfloat16, not {logits.dtype}")
    logits = logits.detach()
    if dispatch.implementation(logits.device.type) == "triton":
        from . import triton

        _checked_shape(logits, counters)
        return triton.sample_tokens(logits, rules, torch.as_tensor(counters))
    plain = logits.view(torch.uint16) if logits.dtype == torch.bfloat16 else logits
    array = plain.numpy(force=True)
    if isinstance(counters, torch.Tensor):
        counters = counters.numpy(force=True)
    results = _on_cpu(array, rules, _checked_counters(array, np.asarray(counters)))
    return tuple(torch.from_numpy(column).to(logits.device) for column in results)


def _on_cpu(
    logits: NDArray[Any], rules: Rules, counters: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Samples on the CPU; logits are float32, or bfloat16 bits as uint16."""
    if dispatch.implementation() == "native":
        from . import native

        return native.sample_tokens(logits, rules, counters)
    if logits.dtype == np.uint16:
        logits = (logits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return reference.sample_tokens(logits, rules, counters)


def _checked_shape(logits: Any, counters: Any) -> None:
    if logits.ndim != 2 or not 0 < logits.shape[1] <= MAX_VOCABULARY:
        shape = tuple(logits.shape)
        raise ValueError(f"logits must be [rows, 1 to {MAX_VOCABULARY} tokens], not {shape}")
    if tuple(counters.shape) != (logits.shape[0], 4):
        shape = tuple(counters.shape)
        raise ValueError(f"counters must be [rows, 4] for {logits.shape[0]} rows, not {shape}")


def _checked_counters(logits: NDArray[Any], counters: NDArray[Any]) -> NDArray[np.uint64]:
    _checked_shape(logits, counters)
    if counters.dtype not in (np.uint64, np.int64):
        raise ValueError(f"counters must be uint64 or int64, not {counters.dtype}")
    return np.ascontiguousarray(counters).view(np.uint64)
