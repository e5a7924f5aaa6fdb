"""The C++ counter: hands Arrow buffers over, and turns positions back into keys."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmsi_kedro.kernels import _native


def count_votes(
    keys: pl.Series, offsets: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> pl.DataFrame:
    """The columns of `count_votes`, a row per question."""
    counted = _native.count_votes(keys, offsets, weights)
    winner = pl.Series(counted["winner"])
    positions = winner.set(winner < 0, None).cast(pl.UInt32 if len(keys) < 2**32 else pl.UInt64)
    numbers = ("votes", "readable", "paths", "confidence", "margin", "entropy")
    return pl.DataFrame(
        {
            "key": keys.gather(positions),
            **{name: counted[name] for name in numbers},
            "tied": _lists(keys.gather(counted["tied"]), counted["tied_offsets"]),
        }
    )


def _lists(flat: pl.Series, offsets: NDArray[np.int64]) -> pl.Series:
    """`flat` cut at the offsets: lists of one length at a time, each a reshape; nearly all are 1."""
    sizes = np.diff(offsets)
    lists = pl.Series("tied", [], pl.List(pl.String))
    order = []
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        order.append(rows)
        if size == 0:
            lists = lists.extend(pl.Series([[]], dtype=lists.dtype).new_from_index(0, len(rows)))
        else:
            positions = (offsets[rows][:, None] + np.arange(size)).ravel()
            lists = lists.extend(flat.gather(positions).reshape((-1, int(size))).arr.to_list())
    return lists if len(order) < 2 else lists.gather(np.argsort(np.concatenate(order)))
