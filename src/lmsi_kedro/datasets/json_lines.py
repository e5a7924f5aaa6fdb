"""Tables that people write: one JSON object a line, each error with its file and line."""

import json
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset, DatasetError


class JsonLines(AbstractDataset[pl.DataFrame, pl.DataFrame]):
    """A .jsonl file whose objects have the `required` fields, all of them strings or lists of strings.

    Optional fields may be absent or null. Fields named by neither are errors: they are mostly typos.
    """

    def __init__(
        self,
        *,
        filepath: str,
        required: dict[str, str],
        optional: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(filepath)
        self._required, self._optional = required, optional or {}
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        """A row per line; DatasetError names file, line and field."""
        if not self._path.is_file():
            raise DatasetError(
                f"{self._path} is missing: put your file there, one JSON object a line."
            )
        lines = self._path.read_text(encoding="utf-8").split("\n")  # JSON may hold other breaks
        rows = [self._parse(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if not rows:
            raise DatasetError(f"{self._path} has no lines: it needs one JSON object a line.")
        types = {"text": pl.String(), "texts": pl.List(pl.String)}
        fields = {**self._required, **self._optional}
        return pl.DataFrame(rows, schema={field: types[kind] for field, kind in fields.items()})

    def save(self, data: pl.DataFrame) -> None:
        """Null fields are left out, so that the file stays readable."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        rows = (
            {k: v for k, v in row.items() if v is not None} for row in data.iter_rows(named=True)
        )
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self._path)

    def _parse(self, number: int, line: str) -> dict[str, Any]:
        where = f"{self._path}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{where}: not JSON ({error.msg}, column {error.colno}).") from None
        if not isinstance(row, dict):
            raise DatasetError(f"{where}: a JSON object is needed, not {type(row).__name__}.")
        for field in self._required:
            if row.get(field) in (None, "", []):
                raise DatasetError(f"{where}: field {field!r} is missing or empty.")
        for field, value in row.items():
            kind = {**self._required, **self._optional}.get(field)
            if kind is None:
                known = ", ".join([*self._required, *self._optional])
                raise DatasetError(f"{where}: unknown field {field!r}; fields are {known}.")
            if value is not None and not is_kind(value, kind):
                raise DatasetError(f"{where}: field {field!r} must be {NAMES[kind]}.")
        return row

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


NAMES = {"text": "a string", "texts": "a list of strings"}


def is_kind(value: Any, kind: str) -> bool:
    """Whether a value is a string (text) or a list of strings (texts)."""
    if kind == "text":
        return isinstance(value, str)
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
