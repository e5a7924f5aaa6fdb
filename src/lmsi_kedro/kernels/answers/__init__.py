"""Parses the answer of a completion, and canonicalises answers.

Two answers are the same if and only if their canonical forms, the keys, are equal. docs/answers.md specifies the
rules.
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
        raise ValueError(f"unknown decimal mark {decimal!r}; it must be {' or '.join(DECIMALS)}")


def _same_length(name: str, column: Any, rows: int) -> None:
    if column is not None and len(column) != rows:
        raise ValueError(f"{name} has {len(column)} rows, but the texts have {rows}")


def read_answers(
    texts: Texts,
    kind: str,
    choices: Any = None,
    rule: str = "trigger",
    finish: Texts | None = None,
    threads: int = 1,
    decimal: str = "point",
) -> pl.DataFrame:
    """Parses the answer of each completion.

    Examples:
        >>> from lmsi_kedro import kernels
        >>> texts = ["5 + 4 = 9. The answer is 9.", "I do not know."]
        >>> kernels.read_answers(texts, "number").rows()
        [('num:9', '9', 25, 26, 'answer is'), (None, None, None, None, None)]
        >>> options = [["ice", "sand"]]
        >>> kernels.read_answers(["So the answer is sand."], "choice", options)["key"][0]
        'choice:B'

    Args:
        texts: the completions.
        kind: the kind of answer, one of `KINDS`.
        choices: a list of option texts for each text; used by kind `choice`.
        rule: "trigger" takes the answer that a text announces; "trigger_or_last" falls back on the last
            answer of the kind in the text.
        finish: for each text, "stop" if it ended by itself, or "length" if the length limit cut it off.
        threads: number of threads.
        decimal: the decimal mark. With "point", 3,5 is unparsable, since it may be 3.5 or 35; with "comma" it is
            7/2, and 1.234 is 1234.

    Returns:
        A row per text with the columns key, surface, start, end (in characters) and rule, which are all null if
            the answer is unparsable.

    Raises:
        ValueError: for an unknown kind, rule or decimal mark, and for columns of different lengths.
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
    """Returns the canonical forms of gold or already extracted answers; null for an unparsable answer.

    Examples:
        >>> from lmsi_kedro import kernels
        >>> answers = ["0.50", "1/2", "$70,000", "twenty-one", "many"]
        >>> kernels.canonical_keys(answers, "number").to_list()
        ['num:1/2', 'num:1/2', 'num:70000', 'num:21', None]

    Arguments and errors are as in `read_answers`.
    """
    _check(kind, decimal)
    column, options = text_column(answers), choice_column(choices)
    _same_length("choices", options, len(column))
    keys: pl.Series = _implementation().canonical_keys(column, kind, options, threads, decimal)
    return keys
