"""Converts arguments to polars columns. Lists are copied once; Arrow arrays are not copied."""

from typing import Any

import polars as pl


def text_column(texts: Any) -> pl.Series:
    """A string or binary column of any list or Arrow array."""
    if isinstance(texts, str | bytes):
        raise TypeError("expected a list of texts, found a single text")
    is_arrow = hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__")
    column = pl.Series(texts if is_arrow else _strings(list(texts)))
    if column.dtype not in (pl.String, pl.Binary, pl.Null):
        raise TypeError(f"expected texts, found {column.dtype}")
    return column


def _strings(texts: list[Any]) -> pl.Series:
    """Text as strings, bytes as bytes; other objects raise an error that names their type."""
    for row, text in enumerate(texts):
        if not isinstance(text, str | bytes | None):
            raise TypeError(f"row {row}: expected text, found {type(text).__name__}")
    if any(isinstance(text, bytes) for text in texts):
        raw = [x.encode(errors="replace") if isinstance(x, str) else x for x in texts]
        return pl.Series(raw, dtype=pl.Binary)
    return pl.Series(texts, dtype=pl.String)


def choice_column(choices: Any) -> pl.Series | None:
    """A column of lists of option texts."""
    if choices is None:
        return None
    column = (
        choices if isinstance(choices, pl.Series) else pl.Series(choices, dtype=pl.List(pl.String))
    )
    return column if column.dtype == pl.List(pl.String) else column.cast(pl.List(pl.String))


def as_text(value: Any) -> str | None:
    """A text; bytes that are not valid UTF-8 are decoded as U+FFFD."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
