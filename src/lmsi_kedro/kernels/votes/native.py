"""The C++ vote counter, which takes Arrow buffers and returns Arrow columns without copying."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmsi_kedro.kernels import _native


def count_votes(
    keys: pl.Series, offsets: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> pl.DataFrame:
    """Returns the columns of `count_votes`, with a row per question."""
    return pl.DataFrame(_native.count_votes(keys, offsets, weights))
