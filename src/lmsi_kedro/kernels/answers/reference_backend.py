"""The reference, applied row by row, with the signature of the native kernel."""

import polars as pl

from .columns import as_text
from .math import math_key
from .reference import Answer, canonical_key, read_answer

SCHEMA = {
    "key": pl.String,
    "surface": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
    "rule": pl.String,
}


def read_answers(
    texts: pl.Series,
    kind: str,
    choices: pl.Series | None,
    rule: str,
    finish: pl.Series | None,
    threads: int,
    decimal: str,
) -> pl.DataFrame:
    comma = decimal == "comma"
    nothing = [None] * len(texts)
    rows: list[Answer] = [
        read_answer(as_text(text), kind, options, rule, end, comma)
        for text, options, end in zip(
            texts.to_list(),
            nothing if choices is None else choices.to_list(),
            nothing if finish is None else finish.to_list(),
            strict=True,
        )
    ]
    if kind == "math":
        rows = [
            row if row.surface is None else row._replace(key=math_key(row.surface, comma))
            for row in rows
        ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def canonical_keys(
    answers: pl.Series, kind: str, choices: pl.Series | None, threads: int, decimal: str
) -> pl.Series:
    comma = decimal == "comma"
    nothing = [None] * len(answers)
    pairs = zip(answers.to_list(), nothing if choices is None else choices.to_list(), strict=True)
    if kind == "math":
        keys = [
            None if answer is None else math_key(as_text(answer) or "", comma)
            for answer, _ in pairs
        ]
    else:
        keys = [canonical_key(as_text(answer), kind, options, comma) for answer, options in pairs]
    return pl.Series("key", keys, dtype=pl.String)
