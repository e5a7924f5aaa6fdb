"""Two runs never write to one data root at the same time: the second run fails and names the first."""

import os
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import SequentialRunner

from lmsi_kedro.durable import LockedError, locked
from lmsi_kedro.run_lock import NAME, RunLock

ROOT = Path(__file__).parents[1]


def run(data: Path, pipeline: str) -> None:
    bootstrap_project(ROOT)
    session(data, pipeline)


def session(data: Path, pipeline: str = "sampling") -> None:
    """Run a pipeline in a new session, with the hooks of the sessions before it."""
    params = {"data_root": str(data), "model": str(data / "no_model")}
    with KedroSession.create(ROOT, runtime_params=params) as created:
        assert isinstance(created, KedroSession)
        created.run(pipeline_names=[pipeline])


def test_second_run_names_the_first_and_changes_nothing(tmp_path: Path) -> None:
    message = (
        f"{tmp_path} is in use by another run, process {os.getpid()} on .*: wait for it to end"
    )
    with locked(tmp_path / NAME, wait=False), pytest.raises(ValueError, match=message):
        run(tmp_path, "sampling")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no_model"):
        run(tmp_path, "sampling")
    with locked(tmp_path / NAME, wait=False):
        pass


def test_lock_is_free_after_a_refused_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="missing input"):
        run(tmp_path, "voting")
    with locked(tmp_path / NAME, wait=False):
        pass


def test_second_session_keeps_the_active_runs_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This includes a session that begins inside a node, in the same thread."""
    begun, refused = [], []

    def second(*_: Any) -> None:
        begun.append(1)
        assert len(begun) == 1, "the second session must not begin"
        with pytest.raises(ValueError, match="is in use by another run of this process") as error:
            session(tmp_path / "other")
        refused.append(error)
        with pytest.raises(LockedError), locked(tmp_path / NAME, wait=False):
            pass
        raise RuntimeError("the end")

    bootstrap_project(ROOT)
    monkeypatch.setattr(SequentialRunner, "run", lambda *_, **__: second())
    with pytest.raises(RuntimeError, match="the end"):
        session(tmp_path)
    assert refused
    with locked(tmp_path / NAME, wait=False):
        pass


def test_interrupted_run_does_not_block_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds although the traceback is kept, as in a notebook."""
    bootstrap_project(ROOT)
    kept = []
    for _ in range(2):
        monkeypatch.setattr(SequentialRunner, "run", interrupt)
        with pytest.raises(KeyboardInterrupt) as error:
            session(tmp_path)
        kept.append(error)


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_unwritable_data_root_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = RunLock()
    lock.root = tmp_path / "file"
    with pytest.raises(
        ValueError, match=r"data_root: .*/file cannot be written to: .*another data_root"
    ):
        lock.before_pipeline_run()
