"""Model output never controls a terminal or changes the text direction of a page."""

import subprocess
import sys
from pathlib import Path

import pytest

from lmsi_kedro.commands import main, report
from lmsi_kedro.printable import printable

ROOT = Path(__file__).parents[1]
LOG = r"""
import logging
from pathlib import Path
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import settings
assert settings.HOOKS
try:
    raise ValueError("\x1b[31m \u202e")
except ValueError:
    logging.getLogger("lmsi_kedro.test").exception("the model wrote %s", "\x1b[31m \u202e")
"""
HOSTILE = "red \x1b[31m, back \x08\r, bell \x07, \x9b2J, \u202egnp.exe\u202c, \u2028line, \ud800, tab\tü\n"
WRITTEN = (
    r"red \x1b[31m, back \x08\x0d, bell \x07, \x9b2J, \u202egnp.exe\u202c, \u2028line, \ud800, "
    "tab\tü\n"
)


def test_control_characters_are_escaped() -> None:
    assert printable(HOSTILE) == WRITTEN
    assert printable("12 € - 'ok' 😀 العربية") == "12 € - 'ok' 😀 العربية"


def test_log_lines_are_printable() -> None:
    """The log lines, including tracebacks, come from a project that Kedro has loaded."""
    said = subprocess.run([sys.executable, "-c", LOG], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.count(r"\x1b[31m \u202e") == 2, said.stderr
    assert "\x1b" not in said.stdout


def test_commands_print_only_escaped_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "report", lambda data: HOSTILE)
    assert main(["report"]) == 0

    def fail(data: Path) -> str:
        raise ValueError(HOSTILE)

    monkeypatch.setattr(report, "report", fail)
    assert main(["report"]) == 1
    said = capsys.readouterr()
    assert said.out.strip() == WRITTEN.strip()
    assert said.err.startswith(r"lmsi: red \x1b[31m, back \x08")
    assert said.err.strip().isprintable()


def test_sampled_paths_print_without_terminal_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    from lmsi_kedro.commands.try_model.columns import show

    show([["path 0", HOSTILE]])
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_pages_show_hostile_text_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmsi_kedro.report import render

    (tmp_path / "page.j2").write_text("<p>{{ text }}</p>{{ number }}")
    monkeypatch.setattr(render, "FOLDER", tmp_path)
    page = render.fill("page.j2", text=f"<script>{HOSTILE}</script>", number=3)
    assert "<script>" not in page.split("<p>")[1].split("</p>")[0]
    assert WRITTEN.strip() in page.replace("&#39;", "'")
