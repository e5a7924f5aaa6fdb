"""Writing any dataset to a full disk fails with the name of the file, and succeeds once there is space."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from tests.contexts import project_context
from tests.disks import Small
from tests.fabricate import TASKS
from tests.models import tiny_model

ROOT = Path(__file__).parents[1]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Small]:
    place = tmp_path / "disk"
    place.mkdir()
    with Small(place).mounted("size=4m") as small:
        yield small


def written(model: Path) -> dict[str, Any]:
    """One dataset of every kind that a run writes, in the order of the steps, with its content."""
    return {
        "tasks": TASKS,
        "questions": schemas.empty(schemas.QUESTIONS),
        "round_1.paths": {"a": schemas.empty(schemas.PATHS)},
        "round_1.votes": schemas.empty(schemas.VOTES),
        "examples_1": schemas.empty(schemas.EXAMPLES),
        "candidate_1": Model.at(model),
        "health_candidate_1": {"questions": 7},
        "predictions_1": schemas.empty(schemas.PREDICTIONS),
        "accuracy_chart": {"data": []},
        "report": "<p>A page.</p>",
    }


def fill(path: Path) -> None:
    """Fill the rest of the disk with this file."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def test_error_of_a_full_disk_names_the_file(tmp_path: Path, disk: Small) -> None:
    tables = written(tiny_model(tmp_path / "model"))
    ballast = disk.path / "ballast"
    bootstrap_project(ROOT)
    root = str(disk.path / "data")
    with project_context(data_root=root) as context:
        catalog = context.catalog
        for name, content in tables.items():
            fill(ballast)
            with pytest.raises(DatasetError, match="No space left on device") as refusal:
                catalog[name].save(content)
            assert root in str(refusal.value), name
            ballast.unlink()
            catalog[name].save(content)
        assert catalog["report"].load() == tables["report"]
        assert catalog["candidate_1"].load().digest == tables["candidate_1"].digest
