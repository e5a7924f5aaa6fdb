"""Reads question files as numbered rows: .jsonl, .csv and .parquet."""

import csv
import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, NamedTuple

import polars as pl

from lmsi_kedro.datasets.question_columns import MalformedError, columns_of

BATCH = 50_000  # rows of a table in memory as Python objects
SEPARATORS = ",;\t"  # spreadsheets write ; if the comma is the decimal separator
# Cells that begin like this are JSON; the answers [2,5] and [0, 1) are text.
LISTS = {"choices": "", "answer": r'\s*\[\s*"'}
Row = dict[str, Any]
Fields = tuple[str, ...]  # the fields to read
Numbered = tuple[int, Row | MalformedError]  # a line number, and its row or what is wrong with it


def open_bytes(path: Path) -> IO[bytes]:
    """Returns the file, decompressed if its name ends with .gz."""
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def read_jsonl(path: Path, _: Fields) -> Iterator[Numbered]:
    """Yields one JSON object per line; blank lines are skipped. Numbers keep all their digits."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, json_object(decoded(line))
            except MalformedError as mistake:
                yield number, mistake


def json_object(text: str) -> Row:
    row = json_value(text)
    if not isinstance(row, dict):
        raise MalformedError("the line must be a JSON object")
    return row


def json_value(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedError(f"invalid JSON ({reason_of(error)})") from None
    except RecursionError:
        raise MalformedError("lists or objects are nested too deeply") from None
    except ArithmeticError:
        raise MalformedError("the exponent of a number is too large") from None


def reason_of(error: json.JSONDecodeError) -> str:
    """Returns what is wrong and where, such as "unterminated string starting at column 14"."""
    what = error.msg.rstrip(": ").removesuffix(" at")
    return f"{what[:1].lower()}{what[1:]} at column {error.colno}"


def integer(digits: str) -> int | Decimal:
    """Parses an integer; a long one becomes a Decimal, because Python's int refuses more than 4,300 digits."""
    return int(digits) if len(digits) < 1000 else Decimal(digits)


# Created once, because creating a decoder takes as long as decoding a row.
DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=integer)


def decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(f"invalid UTF-8 (byte {error.start + 1})") from None


def read_csv(path: Path, fields: Fields) -> Iterator[Numbered]:
    """Yields rows of text cells, separated by comma, semicolon or tab; a row has the number of its first line."""
    if broken := undecodable(path):
        yield from broken
        return
    # A passage may be longer than Python's limit of 131,072 characters.
    csv.field_size_limit(sys.maxsize)
    with TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="") as file:
        separator = separator_of(file.readline())
        file.seek(0)
        rows = csv.reader(file, delimiter=separator, strict=True)
        header: list[str] = []
        line = 1
        while True:
            try:
                cells = next(rows, None)
            except csv.Error as error:  # later rows cannot be separated
                yield line, MalformedError(f"invalid CSV ({error}; is a quote left open?)")
                return
            if cells is None:
                return
            if header and cells:
                yield line, from_cells(header, cells, fields)
            header = header or cells
            line = rows.line_num + 1


def undecodable(path: Path) -> list[Numbered]:
    broken: list[Numbered] = []
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                decoded(line)
            except MalformedError as mistake:
                broken.append((number, mistake))
    return broken


def separator_of(header: str) -> str:
    """Returns the most frequent separator, or a comma if there is none."""
    return max(SEPARATORS, key=header.count)


def from_cells(header: list[str], cells: list[str], fields: Fields) -> Row | MalformedError:
    """Converts cells to a row: empty cells are null; choices, and answers that are lists of strings, are JSON."""
    if len(cells) != len(header):
        return MalformedError(
            f"the row has {len(cells)} cells, but the header has {len(header)}: put text that contains commas "
            "in quotes"
        )
    row: Row = {name: cell or None for name, cell in zip(header, cells, strict=True)}
    columns = columns_of(tuple(header), fields)
    for field in LISTS.keys() & columns.keys():
        column = columns[field]
        if row[column] and re.match(LISTS[field], row[column]):
            try:
                row[column] = json_value(row[column])
            except MalformedError:
                return MalformedError(f'{column} is not a JSON list such as ["x", "y"]')
    return row


def read_parquet(path: Path, fields: Fields) -> Iterator[Numbered]:
    """Yields the rows of a parquet file, counted from 1. Only the needed columns are loaded."""
    table = pl.scan_parquet(path)
    schema = table.collect_schema()
    needed = dict.fromkeys(columns_of(tuple(schema), fields).values())
    read = table.select(exact(name, schema[name]) for name in needed)
    others = dict.fromkeys(name for name in schema if name not in needed)
    for start in range(0, table.select(pl.len()).collect().item(), BATCH):
        rows = read.slice(start, BATCH).collect().iter_rows(named=True)
        for number, row in enumerate(rows, start=start + 1):
            yield number, row | others


def exact(name: str, kind: pl.DataType) -> pl.Expr:
    """Returns the column, with float32 values as they were written: .1, not 0.10000000149011612."""
    column = pl.col(name)
    inner = kind.inner if isinstance(kind, pl.List | pl.Array) else kind
    if not inner.is_float() or inner == pl.Float64:
        return column
    if inner is kind:
        return column.cast(pl.String).cast(pl.Float64)
    return column.cast(pl.List(pl.String)).cast(pl.List(pl.Float64))


class Format(NamedTuple):
    read: Callable[[Path, Fields], Iterator[Numbered]]
    unit: str  # what the number of a row counts


FORMATS = {
    ".jsonl": Format(read_jsonl, "line"),
    ".csv": Format(read_csv, "line"),
    ".parquet": Format(read_parquet, "row"),
    ".jsonl.gz": Format(read_jsonl, "line"),
    ".csv.gz": Format(read_csv, "line"),
}


def ending_of(path: Path) -> str | None:
    """Returns the extension that determines the format of a file, or None for an unknown one."""
    return next((end for end in FORMATS if path.name.lower().endswith(end)), None)
