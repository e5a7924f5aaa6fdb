"""Answers: where a completion gives one, and its canonical form.

Two answers are the same if and only if their keys are equal. docs/answers.md specifies the rules.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from lmsi_kedro.kernels import dispatch

from .columns import choice_column, text_column

KINDS = ("number", "choice", "yes_no", "nli", "span", "date", "text", "math")
RULES = ("trigger", "trigger_or_last")
DECIMALS = ("point", "comma")
Texts = Sequence[str | bytes | None] | Any
"""A list of strings, or any object with the Arrow PyCapsule interface (a polars Series is one)."""


def _implementation() -> Any:
    if dispatch.implementation() == "reference":
        from . import reference_backend

        return reference_backend
    from . import native

    return native


def _check(kind: str, decimal: str, rule: str = "trigger") -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown answer kind {kind!r}; the kinds are {', '.join(KINDS)}")
    if rule not in RULES:
        raise ValueError(f"unknown reading rule {rule!r}; the rules are {', '.join(RULES)}")
    if decimal not in DECIMALS:
        raise ValueError(f"unknown decimal mark {decimal!r}; it is {' or '.join(DECIMALS)}")


def _same_length(name: str, column: Any, rows: int) -> None:
    if column is not None and len(column) != rows:
        raise ValueError(f"{name} has {len(column)} rows, the texts have {rows}")


def read_answers(
    texts: Texts,
    kind: str,
    choices: Any = None,
    rule: str = "trigger",
    finish: Texts | None = None,
    threads: int = 1,
    decimal: str = "point",
) -> pl.DataFrame:
    """Reads the answer of each completion: key, surface, start, end (in characters) and rule.

    A row without a readable answer is null throughout. `choices` is one list of option texts per row,
    `finish` says per row whether the text ended by itself ("stop") or at the length limit ("length").
    `decimal` is the mark that numbers are written with: with "point", 3,5 is unreadable, since it may be
    3.5 or 35; with "comma" it is 7/2, and 1.234 is 1234.
    """
    _check(kind, decimal, rule)
    column, options = text_column(texts), choice_column(choices)
    ends = None if finish is None else text_column(finish)
    _same_length("choices", options, len(column))
    _same_length("finish", ends, len(column))
    arguments = (column, kind, options, rule, ends, threads, decimal)
    frame: pl.DataFrame = _implementation().read_answers(*arguments)
    return frame


def canonical_keys(
    answers: Texts, kind: str, choices: Any = None, threads: int = 1, decimal: str = "point"
) -> pl.Series:
    """The keys of gold or already extracted answers; null where there is none."""
    _check(kind, decimal)
    column, options = text_column(answers), choice_column(choices)
    _same_length("choices", options, len(column))
    keys: pl.Series = _implementation().canonical_keys(column, kind, options, threads, decimal)
    return keys
