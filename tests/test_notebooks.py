"""The notebook that runs the loop itself; those that read a run are in test_run.py."""

import json
from pathlib import Path

import pytest

from tests.notebooks import executed
from tests.runs import TINY


@pytest.mark.slow  # a small run
def test_own_questions_from_start_to_end(tmp_path: Path) -> None:
    settings = "".join(f",{name}={value}" for name, value in TINY.items())
    executed("own_questions", ENV="smoke", FOLDER=str(tmp_path), SETTINGS=settings)
    metrics = json.loads((tmp_path / "08_reporting/metrics.json").read_text())
    assert list(metrics["rounds"][0]["tasks"]) == ["stories"]
    assert (tmp_path / "06_models/model_1/model.safetensors").exists()
    assert (tmp_path / "08_reporting/report.html").exists()
