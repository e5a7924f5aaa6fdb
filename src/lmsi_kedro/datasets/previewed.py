"""Tables and figures of kedro-datasets with a JSON preview for Kedro-Viz."""

import json
from typing import Any

import polars as pl
from kedro_datasets._typing import PlotlyPreview, TablePreview
from kedro_datasets.json import JSONDataset
from kedro_datasets.polars import EagerPolarsDataset

ROWS = 20


class Table(EagerPolarsDataset):  # type: ignore[misc]
    """A parquet file. The preview of kedro-datasets needs pandas, and fails on lists such as `tied` of a vote."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, file_format="parquet", metadata=metadata)

    def preview(self, nrows: int = ROWS) -> TablePreview:
        """Returns the first rows."""
        return rows_of(self.load().head(nrows))


class Chart(JSONDataset):  # type: ignore[misc]
    """A figure as plotly JSON, which can be written without plotly."""

    def preview(self) -> PlotlyPreview:
        """Returns the figure for Kedro-Viz."""
        return PlotlyPreview(self.load())


def rows_of(table: pl.DataFrame) -> TablePreview:
    """Returns the rows as Kedro-Viz expects them: numbers and texts, and JSON for anything else."""
    data = [[plain(cell) for cell in row] for row in table.rows()]
    return TablePreview({"columns": table.columns, "index": list(range(len(data))), "data": data})


def plain(cell: Any) -> str | int | float | bool | None:
    if cell is None or isinstance(cell, str | int | float | bool):
        return cell
    return json.dumps(cell, ensure_ascii=False, default=str)
