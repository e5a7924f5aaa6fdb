"""Counts the votes of each question's paths: winner, ties, confidence, margin, entropy.

`reference.py` is the specification, `native.py` the C++; `triton.py` counts integer ids in GPU memory.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from lmsi_kedro.kernels import dispatch

from . import reference

Ties = Literal["abstain", "logprob"]
TIES = ("abstain", "logprob")
LARGEST_WEIGHT = 2.0**960  # sums of more than 2**60 such weights stay finite
SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "key": pl.String,
    "votes": pl.Int32,
    "readable": pl.Int32,
    "paths": pl.Int32,
    "confidence": pl.Float64,
    "margin": pl.Float64,
    "entropy": pl.Float64,
    "tied": pl.List(pl.String),
}


def count_votes(
    keys: Any,
    offsets: ArrayLike,
    weights: ArrayLike | None = None,
    ties: Ties = "abstain",
) -> pl.DataFrame:
    """Counts the votes of each question's paths for keys (canonical answers); the order of paths does not matter.

    Examples:
        Two questions: the first has four paths, one of them unparsable; the second has a tie.

        >>> from lmsi_kedro import kernels
        >>> keys = ["num:9", "num:8", "num:9", None, "num:1", "num:2"]
        >>> votes = kernels.count_votes(keys, [0, 4, 6])
        >>> votes.select("key", "votes", "readable", "paths", "confidence", "tied").rows()
        [('num:9', 2, 3, 4, 0.5, ['num:9']), (None, 1, 2, 2, 0.5, ['num:1', 'num:2'])]
        >>> logprobs = [-9, -7, -8, -9, -5, -4]
        >>> kernels.count_votes(keys, [0, 4, 6], logprobs, ties="logprob")["key"].to_list()
        ['num:9', 'num:2']

    Args:
        keys: Arrow strings or a list; a null key (an unparsable answer) never votes, but counts in `paths`.
        offsets: one entry more than there are questions; question q has keys[offsets[q]:offsets[q + 1]].
        weights: a number per key, such as the path's log-probability; only used by ties="logprob".
        ties: "abstain": tied keys have no winner; "logprob": the tied key whose weights have the largest sum
            (computed exactly) wins; if the sums are tied too, there is no winner.

    Returns:
        A row per question with the columns

            - key: the winner, or null
            - votes: paths with the most frequent key (0 if no path has a key)
            - readable: paths with a key (parsed answers)
            - paths: all paths
            - confidence: votes / paths, or 0 without paths
            - margin: (votes - votes of the next key) / paths, or 0 without paths; a tie has margin 0
            - entropy: -sum(p * log2(p)) in bits, p = votes of a key / readable
            - tied: all keys with `votes` votes, sorted by bytes; one key if there is no tie

    Raises:
        ValueError: for offsets that decrease or do not cover the keys, and for weights that are not finite (the
            message names the index), or for an unknown value of `ties` (the message names the valid values).
    """
    series = keys if isinstance(keys, pl.Series) else pl.Series("key", keys, _dtype(keys))
    if series.dtype == pl.Null:
        series = series.cast(pl.String)
    if series.dtype != pl.String:
        raise ValueError(f"keys must be strings, not {series.dtype}")
    checked_offsets = _checked_offsets(offsets, len(series))
    deciding = _deciding_weights(weights, ties, len(series))
    if dispatch.implementation() == "native":
        from . import native

        return native.count_votes(series, checked_offsets, deciding)
    rows = reference.count_votes(
        series.to_list(),
        checked_offsets.tolist(),
        None if deciding is None else deciding.tolist(),
    )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _dtype(keys: Any) -> Any:
    """The column type of a list, which cannot be inferred if all entries are null; Arrow arrays have a type."""
    return pl.String if isinstance(keys, Sequence) else None


def _checked_offsets(offsets: ArrayLike, size: int) -> NDArray[np.int64]:
    array = np.asarray(offsets)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise ValueError("offsets must be a list of integers, one more than there are questions")
    array = np.ascontiguousarray(array, np.int64)
    if array[0] != 0:
        raise ValueError(f"offsets[0] must be 0, not {array[0]}")
    falls = np.flatnonzero(array[1:] < array[:-1])
    if len(falls):
        i = int(falls[0]) + 1
        raise ValueError(f"offsets[{i}] = {array[i]} is below offsets[{i - 1}] = {array[i - 1]}")
    if array[-1] != size:
        last = len(array) - 1
        raise ValueError(f"offsets[{last}] = {array[-1]} must be the number of keys, {size}")
    return array


def _deciding_weights(
    weights: ArrayLike | None, ties: str, size: int
) -> NDArray[np.float64] | None:
    """The checked weights that break ties; None if ties abstain."""
    if ties not in TIES:
        raise ValueError(f"ties must be one of {', '.join(TIES)}, not {ties!r}")
    if weights is None:
        if ties == "logprob":
            raise ValueError("ties='logprob' needs weights")
        return None
    array = np.ascontiguousarray(weights, np.float64)
    if array.shape != (size,):
        raise ValueError(f"weights must be one number per key ({size}), not {array.shape}")
    bad = np.flatnonzero(~(np.abs(array) <= LARGEST_WEIGHT))
    if len(bad):
        raise ValueError(f"weights[{bad[0]}] = {array[bad[0]]} is not a finite log-probability")
    return array if ties == "logprob" else None
