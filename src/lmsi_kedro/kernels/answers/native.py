"""Calls the C++ with the signature of the reference. The normal form of kind `math` is computed in Python.

Each distinct surface is normalised once, so repeated answers are fast.
"""

from typing import Any

import polars as pl

from .. import _native
from .columns import as_text
from .math import math_key


def _laid_out(choices: pl.Series | None) -> tuple[Any, Any]:
    """Returns one column with the option texts of all rows, and for each row the index of its first option."""
    if choices is None:
        return None, None
    lengths = choices.list.len().fill_null(0)
    begins = pl.concat([pl.Series([0], dtype=pl.Int64), lengths.cum_sum().cast(pl.Int64)])
    texts = choices.filter(lengths > 0).explode().fill_null("")
    return texts, begins.to_numpy()


def _math_keys(surfaces: pl.Series, comma: bool) -> pl.Series:
    keys_of = {
        surface: math_key(surface, comma)
        for surface in surfaces.drop_nulls().unique(maintain_order=True).to_list()
    }
    keys = [None if surface is None else keys_of[surface] for surface in surfaces.to_list()]
    return pl.Series("key", keys, dtype=pl.String)


def read_answers(
    texts: pl.Series,
    kind: str,
    choices: pl.Series | None,
    rule: str,
    finish: pl.Series | None,
    threads: int,
    decimal: str,
) -> pl.DataFrame:
    fall_back, comma = rule == "trigger_or_last", decimal == "comma"
    table = _native.read_answers(
        texts, kind, *_laid_out(choices), fall_back, finish, threads, comma
    )
    frame = pl.DataFrame(table)
    return frame.with_columns(_math_keys(frame["surface"], comma)) if kind == "math" else frame


def canonical_keys(
    answers: pl.Series, kind: str, choices: pl.Series | None, threads: int, decimal: str
) -> pl.Series:
    comma = decimal == "comma"
    if kind == "math":
        texts = [as_text(answer) for answer in answers.to_list()]
        return _math_keys(pl.Series(texts, dtype=pl.String), comma)
    keys = _native.canonical_keys(answers, kind, *_laid_out(choices), threads, comma)
    return pl.Series("key", keys)
