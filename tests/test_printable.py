"""What a model wrote never acts on a terminal or turns the text of a page."""

import logging
import logging.config
from pathlib import Path

import pytest
import yaml

from lmsi_kedro.commands import main, report
from lmsi_kedro.printable import printable
from lmsi_kedro.report.render import fill

ROOT = Path(__file__).parents[1]
HOSTILE = "red \x1b[31m, back \x08\r, bell \x07, \x9b2J, \u202egnp.exe\u202c, \u2028line, \ud800, tab\tü\n"
WRITTEN = (
    r"red \x1b[31m, back \x08\x0d, bell \x07, \x9b2J, \u202egnp.exe\u202c, \u2028line, \ud800, "
    "tab\tü\n"
)


def test_what_would_act_is_written_out() -> None:
    assert printable(HOSTILE) == WRITTEN
    assert printable("12 € - 'ok' 😀 العربية") == "12 € - 'ok' 😀 العربية"


def test_log_lines_are_printable(capsys: pytest.CaptureFixture[str]) -> None:
    settings = yaml.safe_load((ROOT / "conf/logging.yml").read_text())
    before = logging.root.handlers[:], logging.root.level
    try:
        logging.config.dictConfig(settings)
        logging.getLogger("lmsi_kedro.test").info("the model wrote %s", HOSTILE)
    finally:
        logging.root.handlers, logging.root.level = before
    assert WRITTEN.strip() in capsys.readouterr().out


def test_commands_print_nothing_else(
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
    assert WRITTEN.strip() in said.err


def test_pages_show_it_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmsi_kedro.report import render

    (tmp_path / "page.j2").write_text("<p>{{ text }}</p>{{ number }}")
    monkeypatch.setattr(render, "__file__", str(tmp_path / "render.py"))
    page = fill("page.j2", {}, text=f"<script>{HOSTILE}</script>", number=3)
    assert "<script>" not in page.split("<p>")[1].split("</p>")[0]
    assert WRITTEN.strip() in page.replace("&#39;", "'")
