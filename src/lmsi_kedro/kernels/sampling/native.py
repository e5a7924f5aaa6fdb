"""The C++ sampler, which takes numpy arrays without copying."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmsi_kedro.kernels import _native

from .rules import LogitsError, Rules


def sample_tokens(
    logits: NDArray[Any], rules: Rules, counters: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Samples a token per row; `logits` are float32, or bfloat16 bits as uint16, and rows may have any stride."""
    if logits.shape[1] > 1 and logits.strides[1] != logits.itemsize:
        logits = np.ascontiguousarray(logits)
    thresholds = rules.scale, rules.top_k, rules.nucleus, rules.min_weight
    try:
        return _native.sample_tokens(logits, *thresholds, counters)
    except ValueError as error:
        if named := re.fullmatch(r"row (\d+): (.*)", str(error)):
            raise LogitsError(int(named[1]), named[2]) from None
        raise
