"""The user's question file: .jsonl, .csv or .parquet, one question per row; all mistakes are reported at once."""

import csv
import json
import logging
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from lmsi_kedro import durable, schemas
from lmsi_kedro.datasets.previewed import ROWS, rows_of
from lmsi_kedro.datasets.question_columns import (
    FIELDS,
    WORKED_FIELDS,
    MalformedError,
    columns_of,
)
from lmsi_kedro.datasets.question_formats import FORMATS, Numbered, ending_of
from lmsi_kedro.datasets.question_rows import parse, parse_worked

log = logging.getLogger(__name__)
BATCH = 50_000  # rows in memory as Python objects: a million take 2 GB, a batch 100 MB
SHOWN = 20
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, EOFError, zlib.error, OSError)
Mistakes = list[tuple[int, str]]


class QuestionFile(AbstractDataset[pl.DataFrame, pl.DataFrame]):
    """A question file with the column `question`, and optionally context, choices, answer, task and split.

    Columns may have the names of common data sets (RANKS in question_columns); other columns are ignored. Renamed
    and ignored columns are logged once. Malformed rows raise a DatasetError that counts them by reason and shows
    the first ones; `problems` is the file with all of them.
    """

    content = "questions"
    fields = FIELDS
    schema = schemas.RAW_QUESTIONS

    def __init__(
        self, *, filepath: str, problems: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._path, self._problems = Path(filepath), Path(problems)
        self._described = False  # two nodes load the file
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        """Returns raw_questions; the name of the file is the task of a row without one."""
        ending = ending_of(self._path)
        if ending is None:
            endings = ", ".join(FORMATS)
            raise DatasetError(f"{self._path}: {self.content} are read from {endings} files.")
        if not self._path.is_file():
            raise DatasetError(
                f"{self._path} is missing: put your {self.content} there, one per row."
            )
        try:
            return self.collect(FORMATS[ending].read(self._path, self.fields))
        except MalformedError as mistake:
            raise DatasetError(f"{self._path}: {mistake}") from None
        except BROKEN as error:
            raise DatasetError(f"{self._path} {damage_of(error)}") from None

    @cached_property
    def task(self) -> str:
        """The file's name without its extension."""
        return self._path.name[: -len(str(ending_of(self._path)))]

    def parse(self, row: dict[str, Any]) -> dict[str, Any]:
        """Converts a row to the columns of the table except `source`."""
        return parse(row, self.task)

    def collect(self, rows: Iterator[Numbered]) -> pl.DataFrame:
        """Parses the rows batch by batch; raises DatasetError if any row is malformed."""
        tables, batch, shapes = [], [], set[tuple[str, ...]]()
        wrong: Mistakes = []
        for number, row in rows:
            try:
                if isinstance(row, MalformedError):
                    raise row
                batch.append({**self.parse(row), "source": self.place(number)})
            except MalformedError as mistake:
                wrong.append((number, str(mistake)))
                continue
            shapes.add(tuple(row))
            if len(batch) == BATCH:
                tables.append(pl.DataFrame(batch, schema=self.schema))
                batch = []
        if wrong:
            raise DatasetError(self.error_message(wrong))
        self.describe_columns(shapes)
        tables.append(pl.DataFrame(batch, schema=self.schema))
        if not (table := pl.concat(tables)).height:
            raise DatasetError(f"{self._path} has no {self.content}: it needs one per row.")
        return table

    def place(self, number: int) -> str:
        """Returns the position of a row for messages: "my.jsonl, line 3"."""
        return f"{self._path.name}, {self.unit} {number}"

    @property
    def unit(self) -> str:
        return FORMATS[str(ending_of(self._path))].unit

    def describe_columns(self, shapes: set[tuple[str, ...]]) -> None:
        """Logs once which columns are read under other names, and which are ignored."""
        if self._described:
            return
        self._described = True
        found = [(names, columns_of(names, self.fields)) for names in shapes]
        renamed = {
            f"{field} from {column}"
            for _, columns in found
            for field, column in columns.items()
            if column != field
        }
        if renamed:
            log.info("%s: reads %s", self._path, ", ".join(sorted(renamed)))
        ignored = {
            name.encode(errors="backslashreplace").decode()
            for names, columns in found
            for name in {*names} - {*columns.values()}
        }
        if ignored:
            more = f" and {len(ignored) - SHOWN} more" if len(ignored) > SHOWN else ""
            log.warning(
                "%s: ignored columns %s%s", self._path, ", ".join(sorted(ignored)[:SHOWN]), more
            )

    def error_message(self, wrong: Mistakes) -> str:
        """Returns the error message, with counts by reason and the first rows; writes all rows to `problems`."""
        self._problems.parent.mkdir(parents=True, exist_ok=True)
        with self._problems.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([(self.unit, "reason"), *wrong])
        first, reason = wrong[0]
        if len(wrong) == 1:
            return f"{self._path}, {self.unit} {first}: {reason}"
        head = f"{self._path} has {len(wrong):,} malformed rows"
        counts = Counter(why.split(" (")[0] for _, why in wrong).most_common()
        more = f" All of them are in {self._problems}." if len(wrong) > SHOWN else ""
        if len(counts) == 1:
            return f"{head}, the first in {self.unit} {first}: {reason}.{more}"
        listed = [f"  {n:,} x {why}" for why, n in counts[:SHOWN]]
        shown = [f"  {self.unit} {number}: {why}" for number, why in wrong[:SHOWN]]
        return "\n".join(
            [f"{head}; correct or remove them:", *listed, "The first ones:", *shown, more.strip()]
        )

    def preview(self, nrows: int = ROWS) -> TablePreview:
        """Returns the first questions, for Kedro-Viz."""
        return rows_of(self.load().head(nrows))

    def save(self, data: pl.DataFrame) -> None:
        """Writes .jsonl without null fields, which keeps the file readable, and without `source`."""
        rows = (
            {name: value for name, value in row.items() if value is not None}
            for row in data.drop("source").iter_rows(named=True)
        )
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        durable.write(self._path, text.encode())

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


def damage_of(error: BaseException) -> str:
    """Returns the end of an error message about a file that cannot be read completely."""
    if str(error).startswith("Not a gzipped file"):
        return "is not a gzip file: compress it, or remove .gz from its name"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"is damaged or incomplete: {error}"


class WorkedFile(QuestionFile):
    """A file of worked examples: question, rationale and answer, and optionally context, choices and task."""

    content = "worked examples"
    fields = WORKED_FIELDS
    schema = schemas.RAW_WORKED

    def parse(self, row: dict[str, Any]) -> dict[str, Any]:
        """Converts a row to the columns of the table except `source`; a missing task is null."""
        return parse_worked(row)
