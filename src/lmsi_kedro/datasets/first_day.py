"""The date on which a run was first prepared, for chat templates that write the date."""

import datetime as dt
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from lmsi_kedro import durable


class FirstDay(AbstractDataset[None, dt.date]):
    """Stores the date of the first load and returns it from then on, so that a resumed run keeps its paths."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> dt.date:
        if not self._path.exists():
            durable.write(self._path, f"{dt.date.today()}\n".encode())
        try:
            return dt.date.fromisoformat(self._path.read_text().strip())
        except ValueError as error:
            raise DatasetError(f"{self._path} has no date such as 2026-11-28: {error}") from None

    def save(self, data: None) -> None:
        raise DatasetError(f"{self._path}: the first day of a run is not written by a node")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
