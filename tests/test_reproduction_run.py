"""The whole reproduction, small: every table and figure is made, and a second run computes nothing again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_run import ROOT, chunks, data_root


@pytest.mark.slow  # ten trainings: five minutes of two cores
def test_the_reproduction_runs_end_to_end_and_resumes(tmp_path: Path) -> None:
    data = data_root(tmp_path)
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=reproduction", "--env=smoke"]
    command += [f"--params=data_root={data}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1500)
    found = json.loads((data / "08_reporting" / "reproduction.json").read_text())
    assert set(found["arms"]) == {"base", "vote", "random", "shuffled", "gold", "direct_only",
                                  "few_shot_cot_only"}  # fmt: skip
    assert {"main", "generated_questions", "generated_prompts", "second_round"} < set(
        found["tables"]
    )
    assert found["figures"]["paths"]["k"] == [1, 2, 4]
    assert all(f["verdict"] in ("holds", "does not hold", "undecided") for f in found["findings"])
    assert "Number of paths" in (data / "08_reporting" / "reproduction.html").read_text()
    written, trained = chunks(data), jobs(data)
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    assert (chunks(data), jobs(data)) == (written, trained)
    assert json.loads((data / "08_reporting" / "reproduction.json").read_text()) == found


def jobs(data: Path) -> dict[str, int]:
    """The weights of every trained model and when they were written."""
    weights = (data / "06_models" / "jobs").rglob("model.safetensors")
    return {str(path): path.stat().st_mtime_ns for path in weights}
