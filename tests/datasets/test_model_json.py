"""A pydantic model that a node returns is stored and loaded as an equal model."""

from pathlib import Path

import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.model_json import ModelJson
from tests.fabricate import TASKS


def test_saved_model_loads_and_invalid_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "new" / "tasks.json"
    dataset = ModelJson(filepath=str(file), model="lmsi_kedro.tasks.Tasks")
    dataset.save(TASKS)
    assert dataset.load() == TASKS
    file.write_text('{"gsm": {"kind": "numbr"}}')
    with pytest.raises(DatasetError, match=r"(?s)tasks.json is not a valid Tasks.*gsm.kind"):
        dataset.load()
