"""Converts arguments to polars columns. Lists are copied once; Arrow arrays are not copied."""

from typing import Any

import polars as pl


def text_column(texts: Any) -> pl.Series:
    """Converts a list or an Arrow array of texts to a string or binary column."""
    if isinstance(texts, str | bytes):
        raise TypeError("expected a list of strings, found a single string")
    is_arrow = hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__")
    column = pl.Series(texts if is_arrow else _strings(list(texts)))
    if column.dtype not in (pl.String, pl.Binary, pl.Null):
        raise TypeError(f"expected texts, found {column.dtype}")
    return column


def _strings(texts: list[Any]) -> pl.Series:
    """Converts a list to a string column, or to a binary column if it contains bytes.

    An object that is neither a string nor bytes nor None raises a TypeError that names its row and type.
    """
    for row, text in enumerate(texts):
        if not isinstance(text, str | bytes | None):
            raise TypeError(f"row {row}: expected text, found {type(text).__name__}")
    if any(isinstance(text, bytes) for text in texts):
        raw = [x.encode(errors="replace") if isinstance(x, str) else x for x in texts]
        return pl.Series(raw, dtype=pl.Binary)
    return pl.Series(texts, dtype=pl.String)


def choice_column(choices: Any) -> pl.Series | None:
    """Converts the option texts of each row to a column of lists."""
    if choices is None:
        return None
    column = (
        choices if isinstance(choices, pl.Series) else pl.Series(choices, dtype=pl.List(pl.String))
    )
    return column if column.dtype == pl.List(pl.String) else column.cast(pl.List(pl.String))


def as_text(value: Any) -> str | None:
    """Decodes bytes to text, with U+FFFD in place of invalid UTF-8; returns other values unchanged."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
