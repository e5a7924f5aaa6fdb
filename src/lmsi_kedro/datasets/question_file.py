"""The questions that people write: .jsonl, .csv or .parquet, one question a row, all mistakes reported at once."""

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset, DatasetError

from lmsi_kedro import schemas
from lmsi_kedro.datasets.question_rows import FIELDS, Row, cleaned, problem

log = logging.getLogger(__name__)
BATCH = 50_000  # rows held as Python objects at once: a million take 2 GB, a batch 100 MB
SHOWN = 20
Numbered = tuple[int, Row | str]  # a line, and its row or what is wrong with it


class QuestionFile(AbstractDataset[pl.DataFrame, pl.DataFrame]):
    """A question file with the column `question`, and maybe context, choices, answer, task and split.

    Other columns are ignored and named once, but one that looks like a misspelt column is an error. A file with
    malformed rows is a DatasetError that counts them by reason and shows the first ones; `problems` has them all.
    """

    def __init__(
        self, *, filepath: str, problems: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._path, self._problems = Path(filepath), Path(problems)
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        """raw_questions; the task of a row that names none is the file's name."""
        reader = READERS.get(self._path.suffix)
        if reader is None:
            known = ", ".join(READERS)
            raise DatasetError(f"{self._path}: questions are read from {known} files.")
        if not self._path.is_file():
            raise DatasetError(f"{self._path} is missing: put your questions there, one a row.")
        return self.collect(reader(self._path))

    def collect(self, rows: Iterator[Numbered]) -> pl.DataFrame:
        """The good rows, batch by batch; an error if one is not."""
        tables, batch, wrong, columns = [], [], [], set[str]()
        for line, row in rows:
            mistake = row if isinstance(row, str) else problem(row)
            if mistake or isinstance(row, str):
                wrong.append((line, mistake))
                continue
            columns.update(row)
            batch.append(cleaned(row, self._path.stem))
            if len(batch) == BATCH:
                tables.append(pl.DataFrame(batch, schema=schemas.RAW_QUESTIONS))
                batch = []
        self.check_columns(columns)
        if wrong:
            raise DatasetError(self.refusal(wrong))
        tables.append(pl.DataFrame(batch, schema=schemas.RAW_QUESTIONS))
        if not (table := pl.concat(tables)).height:
            raise DatasetError(f"{self._path} has no questions: it needs one a row.")
        return table

    def check_columns(self, columns: Iterable[str]) -> None:
        """Names the columns that are not read."""
        others = sorted(set(columns) - set(FIELDS))
        for name in others:
            if meant := get_close_matches(name.lower(), FIELDS, n=1, cutoff=0.75):
                raise DatasetError(
                    f"{self._path}: is the column {name!r} meant to be {meant[0]!r}?"
                )
        if others:
            log.warning("%s: ignored columns %s", self._path, ", ".join(others))

    def refusal(self, wrong: list[tuple[int, str | None]]) -> str:
        """All reasons with their counts and the first lines; writes every one to `problems`."""
        self._problems.parent.mkdir(parents=True, exist_ok=True)
        with self._problems.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("line", "reason"), *wrong])
        counts = Counter(str(reason).split(" (")[0] for _, reason in wrong).most_common()
        listed = [f"  {n:,} x {reason}" for reason, n in counts]
        shown = [f"  line {line}: {reason}" for line, reason in wrong[:SHOWN]]
        more = [f"All of them are in {self._problems}."] if len(wrong) > SHOWN else []
        head = f"{self._path} has {len(wrong):,} malformed rows; correct or remove them:"
        return "\n".join([head, *listed, "The first ones:", *shown, *more])

    def save(self, data: pl.DataFrame) -> None:
        """As .jsonl; null fields are left out, so that the file stays readable."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        rows = (
            {k: v for k, v in row.items() if v is not None} for row in data.iter_rows(named=True)
        )
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self._path)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


def read_jsonl(path: Path) -> Iterator[Numbered]:
    """One JSON object a line; blank lines are skipped."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if mistake := undecodable(line):
                yield number, mistake
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except json.JSONDecodeError as error:
                yield number, f"is not JSON ({error.msg}, column {error.colno})"
            else:
                yield number, row if isinstance(row, dict) else "is not a JSON object"


def read_csv(path: Path) -> Iterator[Numbered]:
    """A header and text cells; choices, and answers that begin with [, are JSON lists."""
    with path.open("rb") as raw:
        broken = [(n, mistake) for n, line in enumerate(raw, 1) if (mistake := undecodable(line))]
    if broken:
        yield from broken
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            yield rows.line_num, from_cells(row)


def undecodable(line: bytes) -> str | None:
    """Where a line is not UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start + 1})"
    return None


def from_cells(cells: dict[str | None, Any]) -> Row | str:
    """A row of text cells; an empty cell is none."""
    if None in cells or None in cells.values():
        return "has more or fewer cells than the header"
    row: Row = {str(name): cell for name, cell in cells.items() if cell != ""}
    for field in ("choices", "answer"):
        if (field == "choices" and field in row) or str(row.get(field, "")).startswith("["):
            try:
                row[field] = json.loads(row[field])
            except json.JSONDecodeError:
                return f"{field} is not a JSON list"
    return row


def read_parquet(path: Path) -> Iterator[Numbered]:
    """Typed columns; lines are rows, counted from 1."""
    table = pl.scan_parquet(path)
    known = [name for name in table.collect_schema().names() if name in FIELDS]
    others = {name: None for name in table.collect_schema().names() if name not in FIELDS}
    for start in range(0, table.select(pl.len()).collect().item(), BATCH):
        rows = table.select(known).slice(start, BATCH).collect().iter_rows(named=True)
        for number, row in enumerate(rows, start=start + 1):
            yield number, row | others


READERS = {".jsonl": read_jsonl, ".csv": read_csv, ".parquet": read_parquet}
