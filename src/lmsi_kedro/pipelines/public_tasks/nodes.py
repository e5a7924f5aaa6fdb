"""Converts rows of the hub into rows of the question file."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import PublicTasksParams
from lmsi_kedro.tasks.benchmark import Row
from lmsi_kedro.tasks.benchmarks import BENCHMARKS


def read_benchmark(
    hub: Mapping[str, Iterable[Row]], public_tasks: PublicTasksParams, name: str
) -> pl.DataFrame:
    """Reads the questions of a benchmark; raises KeyError for a split that the hub does not have."""
    benchmark = BENCHMARKS[name]
    tables = []
    for theirs, ours in benchmark.splits.items():
        if theirs not in hub:
            raise KeyError(f"{benchmark.path} has no split {theirs!r}; it has {', '.join(hub)}")
        read = (benchmark.convert(row) for row in hub[theirs])
        rows = [as_raw(row, name, ours) for row in read if row is not None]
        limits = [public_tasks.rows_per_split, benchmark.limit if ours == "unlabeled" else None]
        limit = min((n for n in limits if n is not None), default=len(rows))
        tables.append(pl.DataFrame(chosen(rows, limit), schema=schemas.RAW_QUESTIONS))
    return pl.concat(tables)


def as_raw(row: Row, task: str, split: str) -> Row:
    """Strips the row and lists its answer; only the arm gold uses the answers of unlabeled questions."""
    answer = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    return {
        "split": split,
        "task": task,
        "question": row["question"].strip(),
        "context": (row.get("context") or "").strip() or None,
        "choices": row.get("choices"),
        "answer": answer,
    }


def chosen(rows: list[Row], limit: int) -> list[Row]:
    """Returns all rows, or `limit` of them selected by a hash of their content, independent of the hub's order."""
    if len(rows) <= limit:
        return rows
    return sorted(rows, key=place)[:limit]


def place(row: Row) -> bytes:
    content = f"{row['context']} {row['question']} {row['choices']}"
    return hashlib.blake2b(content.encode(), digest_size=8).digest()


def join_benchmarks(*tables: pl.DataFrame) -> pl.DataFrame:
    """Joins the benchmarks, with each question once per task and split."""
    together: Any = pl.concat(tables)
    content = ["task", "split", "question", "context", "choices"]
    return together.unique(content, keep="first", maintain_order=True)  # type: ignore[no-any-return]
