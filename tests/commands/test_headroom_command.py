"""`lmsi headroom` on a measured headroom.json, a missing one and a damaged one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmsi_kedro.commands import main
from tests.measured import probed


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    path = tmp_path / "08_reporting" / "headroom.json"
    path.parent.mkdir()
    path.write_text(json.dumps(probed()), encoding="utf-8")
    return path


def test_verdict_comes_first_and_tables_are_aligned(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["headroom", f"--params=data_root={measured.parents[1]}"]) == 0
    said, *tables = capsys.readouterr().out.split("\n\n")
    assert said.startswith("As in 14 measured rounds, a gain of +6.0 points")
    assert len(tables) == 3
    for table in tables:
        title, *lines = table.rstrip("\n").split("\n")
        assert title
        assert len({len(line) for line in lines}) == 1


def test_closed_pipe_is_not_an_error(measured: Path) -> None:
    """`lmsi headroom | head`, for example, closes the pipe early."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "lmsi_kedro", "headroom"]
    done = subprocess.run(
        [*command, f"--params=data_root={measured.parents[1]}"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"probe": null, "unlabeled": {}}'])
def test_bad_input_is_one_sentence_naming_the_file(
    measured: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    measured.unlink() if content is None else measured.write_text(content)
    assert main(["headroom", f"--params=data_root={measured.parents[1]}"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(measured) in captured.err
