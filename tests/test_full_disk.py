"""A disk that is full stops a run by the name of the file, whatever was to be written; with room it goes on."""

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
    """Of every kind of dataset that a run writes one, in the order of the steps, with a content."""
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
    """With all the space that is left."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def test_what_cannot_be_written_is_named(tmp_path: Path, disk: Small) -> None:
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
