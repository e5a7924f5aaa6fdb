"""Prints the paths of one model, or of two side by side, as they end, and then their votes."""

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import polars as pl

from lmsi_kedro.commands.try_model.asking import Asking
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.printable import printable
from lmsi_kedro.reading import in_order
from lmsi_kedro.schemas import READINGS
from lmsi_kedro.votes import count_within

GAP = " | "


def print_paths(
    models: Mapping[str, Model], asking: Asking, params: dict[str, Any]
) -> dict[str, list[pl.DataFrame]]:
    """Prints and returns the paths of each model with their answers; two models sample in turns."""
    sampled: dict[str, list[pl.DataFrame]] = {name: [] for name in models}
    streams = [asking.sample(model, params) for model in models.values()]
    if len(models) > 1:
        show([[name] for name in models])
    for ended in zip_longest(*streams):
        read = [None if table is None else asking.read(table, params["voting"]) for table in ended]
        for tables, table in zip(sampled.values(), read, strict=True):
            tables += [] if table is None else [table]
        show([[] if table is None else paragraphs(table) for table in read])
    return sampled


def paragraphs(paths: pl.DataFrame) -> list[str]:
    """Returns, for each path, a line with the answer, followed by the text."""
    lines = []
    for row in paths.iter_rows(named=True):
        lines.append(f"path {row['path']}: {answer(row['key'])}, {row['tokens']} tokens")
        lines += [f"  {line}" for line in row["text"].splitlines()]
    return lines


def show(columns: Sequence[Sequence[str]]) -> None:
    """Prints paragraphs side by side, wrapped to the terminal; escape sequences are shown as text."""
    width = (shutil.get_terminal_size().columns - len(GAP) * (len(columns) - 1)) // len(columns)
    wrapped = [
        [
            part
            for line in lines
            for part in textwrap.wrap(printable(line), width, subsequent_indent="  ")
        ]
        for lines in columns
    ]
    for parts in zip_longest(*wrapped, fillvalue=""):
        print(GAP.join(part.ljust(width) for part in parts).rstrip(), flush=True)


def votes(sampled: Mapping[str, list[pl.DataFrame]], asking: Asking, voting: Any) -> str:
    """Returns one line per model with the winner of its vote."""
    return "\n".join(
        f"{name}: {vote(pl.concat(tables), asking, voting)}" for name, tables in sampled.items()
    )


def vote(read: pl.DataFrame, asking: Asking, voting: Any) -> str:
    """Returns the winner in words, such as "42, with 11 of 16 paths (confidence 0.69)"."""
    paths = read.with_columns(content=pl.col("text").hash())
    row = count_within(in_order([paths], READINGS), voting, 0.0, 1.0).row(0, named=True)
    if row["key"] is None:
        tied = ", ".join(answer(key) for key in row["tied"])
        return f"no winner, {f'tied: {tied}' if tied else 'no path has an answer'}"
    winner = f"{answer(row['key'])}, with {row['votes']} of {row['paths']} paths"
    return f"{winner} (confidence {row['confidence']:.2f}){chosen(row['key'], asking)}"


def chosen(key: str, asking: Asking) -> str:
    """Returns the text of the chosen option, after a colon, or nothing if the answer is not an option."""
    kind, _, letter = key.partition(":")
    choices = asking.questions["choices"][0]
    return f": {choices['ABCDEFGHIJKLMNOPQRSTUVWXYZ'.index(letter)]}" if kind == "choice" else ""


def answer(key: str | None) -> str:
    """Returns the answer without its prefix: 37/2 for num:37/2."""
    return "unparsable" if key is None else key.partition(":")[2]
