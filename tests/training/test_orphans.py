"""What a run leaves behind when it is killed: nothing that goes on training, and no lock while something does."""

from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.durable import locked
from lmsi_kedro.training import launcher


def test_trainers_hold_the_locks_of_their_run(
    tmp_path: Path, make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "on_this_machine", lambda *_: [(["sleep", "60"], {})])
    path = tmp_path / ".lock"
    with (
        locked(path, wait=False),
        (tmp_path / "log").open("wb") as log,
        launcher.processes(make_job(), log) as running,
    ):
        files = Path(f"/proc/{running[0].pid}/fd").iterdir()
        assert path in {file.readlink() for file in files}
