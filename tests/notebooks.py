"""Runs a notebook as its reader would, with other values for its parameters."""

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def executed(name: str, **given: str) -> list[Any]:
    """Run a notebook and return its cells; `given` is assigned after the cell with the tag `parameters`."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    (place,) = (
        number
        for number, cell in enumerate(notebook.cells)
        if "parameters" in cell.metadata.get("tags", [])
    )
    lines = "\n".join(f"{each} = {value!r}" for each, value in given.items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(lines))
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": NOTEBOOKS}}).execute()
    return list(notebook.cells)
