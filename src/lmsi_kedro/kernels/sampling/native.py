"""The C++ sampler: hands arrays over without copying. Knows nothing of torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmsi_kedro.kernels import _native

from .rules import Rules


def sample_tokens(
    logits: NDArray[Any], rules: Rules, counters: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`logits` float32, or bfloat16 bits as uint16; rows may lie at any distance."""
    if logits.shape[1] > 1 and logits.strides[1] != logits.itemsize:
        logits = np.ascontiguousarray(logits)
    return _native.sample_tokens(
        logits, rules.scale, rules.top_k, rules.nucleus, rules.min_weight, counters
    )
