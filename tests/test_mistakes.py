"""Mistakes on the command line and in the configuration (mistakes.txt) give one line; tracebacks are stored."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from lmsi_kedro.cli import run
from lmsi_kedro.commands import main

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "tests/mistakes.txt").read_text().splitlines()[1:]
CONSOLE = "import sys; from lmsi_kedro.commands import main; sys.exit(main())"
MISTAKES = list(zip(LINES[::2], LINES[1::2], strict=True))


@pytest.mark.parametrize(("command", "line"), MISTAKES, ids=[each for each, _ in MISTAKES])
def test_mistake_gives_one_line(
    command: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    places = {"data": tmp_path, "root": ROOT}
    _, program, *arguments = command.format(**places).split(" ")
    assert program in ("kedro", "lmsi")
    said = of_kedro(arguments[1:]) if program == "kedro" else of_lmsi(arguments)
    assert said + capfd.readouterr().err == line.format(**places) + "\n"


def of_kedro(arguments: list[str]) -> str:
    bootstrap_project(ROOT)  # otherwise the registry keeps the pipelines of the previous test
    done = CliRunner().invoke(run, arguments)
    assert done.exit_code in (1, 2)
    return done.output


def of_lmsi(arguments: list[str]) -> str:
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    assert status in (1, 2)
    return ""


def test_enough_mistakes_are_tried() -> None:
    assert len(dict(MISTAKES)) >= 60


@pytest.mark.parametrize(
    "command", ["$ kedro run --params=rondes=2", "$ lmsi forecast --params=paths.m=many"]
)
def test_mistake_in_a_subprocess_gives_one_line(command: str) -> None:
    """The subprocess logs as conf/logging.yml configures it."""
    _, program, *arguments = command.split(" ")
    started = {"kedro": ["-m", "kedro"], "lmsi": ["-c", CONSOLE]}[program]
    done = subprocess.run(
        [sys.executable, *started, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout + done.stderr == dict(MISTAKES)[command] + "\n"


def test_verbose_prints_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    said = of_kedro(["--verbose", "--params=rondes=2"])
    assert "Traceback" in said
    assert said.endswith("lmsi: parameters: there is no rondes; did you mean rounds?\n")


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], str]:
    """A function that returns the output of a run whose first node raises an error or receives a signal."""

    def run_with(error: BaseException | signal.Signals) -> str:
        def fail(*_: Any) -> None:
            if isinstance(error, signal.Signals):
                os.kill(os.getpid(), error)
                time.sleep(5)
            else:
                raise error

        monkeypatch.chdir(ROOT)
        monkeypatch.setattr("lmsi_kedro.pipelines.preparation.nodes.infer_kind", fail)
        question = '{"question": "1 + 1?", "answer": "2", "task": "sums", "split": "held_out"}\n'
        (tmp_path / "questions.jsonl").write_text(question)
        return of_kedro([f"--params=data_root={tmp_path},questions={tmp_path}/questions.jsonl"])

    return run_with


def test_traceback_of_a_fault_is_kept(failing: Callable[..., str], tmp_path: Path) -> None:
    """An unexpected error gives its type, its node, and a file with the traceback."""
    kept = tmp_path / "traceback.txt"
    said = failing(TypeError("of the node"))
    assert said == f"lmsi: TypeError: of the node (in the node choose_tasks; traceback: {kept})\n"
    assert "in fail" in kept.read_text()


def test_traceback_goes_elsewhere_if_unwritable(
    failing: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "traceback.txt").mkdir()
    said = failing(TypeError("of the node"))
    kept = Path(said.removesuffix(")\n").rpartition("traceback: ")[2])
    assert "in fail" in kept.read_text()
    shutil.rmtree(kept.parent)


@pytest.mark.parametrize("how", [KeyboardInterrupt(), signal.SIGTERM])
def test_interrupted_run_says_how_to_resume(failing: Callable[..., str], how: Any) -> None:
    said = failing(how)
    assert said == "lmsi: stopped; the same command continues from what is stored\n"


def test_older_option_name_still_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`kedro run` accepts --pipeline without a warning, and `lmsi` accepts it as an abbreviation."""
    monkeypatch.chdir(ROOT)
    said = of_kedro(["--pipeline=voting", "--params=rondes=2"])
    assert said == "lmsi: parameters: there is no rondes; did you mean rounds?\n"
    assert main(["forecast", "--pipeline=mini_world"]) == 1
    assert "samples nothing" in capsys.readouterr().err
