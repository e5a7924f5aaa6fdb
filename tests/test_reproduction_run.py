"""The whole reproduction, with small sizes: it makes every table and figure, and resumes when killed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.runs import ROOT, chunks, data_root

RUN = [sys.executable, "-m", "kedro", "run", "--pipelines=reproduction", "--env=smoke"]
# Imports take most of the time, so there is one process of each kind.
SMALL = "engine.workers=1,engine.paths_per_chunk=32,training.processes=1"


def command(data: Path) -> list[str]:
    return [*RUN, f"--params=data_root={data},{SMALL}"]


def jobs(data: Path) -> dict[str, int]:
    """The weights of every trained model and their modification times."""
    weights = (data / "06_models" / "jobs").glob("*/model/*.safetensors")
    return {str(path): path.stat().st_mtime_ns for path in weights}


def training(data: Path) -> bool:
    """Whether a job has a checkpoint and no model yet."""
    begun = (data / "06_models" / "jobs").glob("*/checkpoints/*")
    return any(not (folder.parents[1] / "model").exists() for folder in begun)


def names(files: dict[str, int], data: Path) -> set[Path]:
    return {Path(file).relative_to(data) for file in files}


def reproduction(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "08_reporting" / "reproduction.json").read_text())
    return found


def kill(data: Path, moment: Callable[[], bool]) -> None:
    """Start a run and kill it with SIGKILL at this moment; its child processes must end by themselves."""
    run = psutil.Popen(command(data), cwd=ROOT, stdout=subprocess.DEVNULL)
    while not moment():
        try:
            run.wait(0.05)
        except psutil.TimeoutExpired:
            continue
        raise AssertionError("the run ended before it could be killed")
    orphans = run.children(recursive=True)
    run.kill()
    _, alive = psutil.wait_procs([run, *orphans], timeout=60)
    assert not alive


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a run that nothing interrupted."""
    data = data_root(tmp_path_factory.mktemp("whole"))
    subprocess.run(command(data), cwd=ROOT, check=True)
    return data


@pytest.mark.slow  # ten trainings
def test_the_reproduction_runs_end_to_end(whole: Path) -> None:
    found = reproduction(whole)
    assert set(found["arms"]) == {"base", "vote", "random", "shuffled", "gold", "direct_only",
                                  "few_shot_cot_only"}  # fmt: skip
    assert {"main", "generated_questions", "generated_prompts", "second_round"} < set(
        found["tables"]
    )
    assert found["figures"]["paths"]["k"] == [1, 2, 4]
    assert [(said["model"], said["seed"]) for said in found["verdicts"]] == [
        ("vote", 1001), ("second", 1001), ("student_vote", 1001)
    ]  # fmt: skip
    assert all(f["verdict"] in ("holds", "does not hold", "undecided") for f in found["findings"])
    assert "Number of paths" in (whole / "08_reporting" / "reproduction.html").read_text()


@pytest.mark.slow  # the same run again, killed three times
def test_a_killed_reproduction_resumes(whole: Path, tmp_path: Path) -> None:
    """Killed while it samples and trains, it ends with equal results and repeats no finished work."""
    data = data_root(tmp_path)
    kill(data, lambda: len(chunks(data)) >= 3)
    sampled = chunks(data)
    kill(data, lambda: training(data))
    assert chunks(data).items() > sampled.items()
    sampled = chunks(data)
    kill(data, lambda: len(jobs(data)) > 1)
    assert chunks(data).items() >= sampled.items()
    sampled, trained = chunks(data), jobs(data)
    for _ in range(2):
        subprocess.run(command(data), cwd=ROOT, check=True)
        assert chunks(data).items() >= sampled.items(), "a stored chunk was sampled again"
        assert jobs(data).items() >= trained.items(), "a finished training was done again"
        assert reproduction(data) == reproduction(whole)
        sampled, trained = chunks(data), jobs(data)
    assert names(sampled, data) == names(chunks(whole), whole)
