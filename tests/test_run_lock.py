"""Two runs never write to one data root at once: the second one is told of the first."""

import os
from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from lmsi_kedro.durable import locked
from lmsi_kedro.run_lock import NAME, RunLock

ROOT = Path(__file__).parents[1]


def run(data: Path, pipeline: str) -> None:
    bootstrap_project(ROOT)
    params = {"data_root": str(data), "model": str(data / "no_model")}
    with KedroSession.create(ROOT, runtime_params=params) as session:
        session.run(pipeline_names=[pipeline])


def test_a_second_run_says_who_is_there_and_touches_nothing(tmp_path: Path) -> None:
    message = f"{tmp_path} is in use by another run, process {os.getpid()} on .*: wait for its end"
    with locked(tmp_path / NAME, wait=False), pytest.raises(ValueError, match=message):
        run(tmp_path, "voting")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no_model"):
        run(tmp_path, "sampling")
    with locked(tmp_path / NAME, wait=False):
        pass


def test_a_data_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = RunLock()
    lock.root = tmp_path / "file"
    with pytest.raises(
        ValueError, match=r"data_root: .*/file cannot be written: .*another data_root"
    ):
        lock.before_pipeline_run()
