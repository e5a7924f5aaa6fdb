"""`lmsi audit` writes texts that two parsers read differently; a parser that hangs or crashes is replaced."""

import csv
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.commands.audit import math_verify
from lmsi_kedro.commands.audit.comparison import audit, outcome

TEXTS = [
    "3 + 4 = 7. The answer is 7.",
    "There are 12 of them.\nThe answer is $1,250.00.",
    "I cannot tell.",
    "The answer is twenty-one.",
]


def hostile(connection: Connection, letters: bool) -> None:
    """A parser that hangs on some texts and crashes on others."""
    while True:
        text = connection.recv()
        if "hang" in text:
            time.sleep(60)
        if "die" in text:
            os._exit(1)
        connection.send("7")


def test_hanging_or_crashing_parser_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_verify, "serve", hostile)
    start = time.monotonic()
    texts = ["a", "hang", "b", "die", "c", "hang", "d"]
    found = math_verify.read_all(texts, letters=False, workers=2, timeout=0.5)
    assert found == ["7", "timeout", "7", "timeout", "7", "timeout", "7"]
    assert time.monotonic() - start < 30


def test_answers_are_compared_by_key() -> None:
    found = audit(TEXTS, "number", "trigger")
    assert found.completions == 4
    assert found.counts["math_verify"].total() == found.counts["regex"].total() == 4
    assert found.counts["regex"] == {"agree": 2, "only we read": 1, "neither": 1}
    rows = found.disagreements
    assert rows.columns[:5] == ["kind", "rule", "choices", "text", "key"]
    assert rows["key"].to_list()[-1] == "num:21"
    assert set(rows["regex"]) <= {"7", "1,250.00", "12", None}


@pytest.mark.parametrize(
    ("ours", "theirs", "found", "expected"),
    [
        ("num:7", "num:7", "7", "agree"),
        ("num:7", "num:8", "8", "differ"),
        ("num:7", None, None, "only we read"),
        (None, "num:8", "8", "only they read"),
        (None, None, "?", "neither"),
        ("num:7", None, "timeout", "timeout"),
    ],
)
def test_outcome_of_each_comparison(
    ours: str | None, theirs: str | None, found: str | None, expected: str
) -> None:
    assert outcome(ours, theirs, found) == expected


def test_command_writes_disagreements_as_test_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, output = tmp_path / "made.parquet", tmp_path / "rows.csv"
    pl.DataFrame({"text": ["Line one.\nThe answer is seven.", "The answer is 8."]}).write_parquet(
        file
    )
    assert main(["audit", str(file), "--output", str(output), "--workers", "1"]) == 0
    assert "2 completions parsed as number" in capsys.readouterr().out
    with output.open(encoding="utf-8", newline="") as lines:
        row = next(iter(csv.DictReader(lines)))
    assert (row["kind"], row["rule"], row["choices"]) == ("number", "trigger", "")
    assert row["text"] == r"Line one.\nThe answer is seven."
    assert row["key"] == "num:7"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["made.txt"], "the file must be .parquet, .csv or .jsonl"),
        (["made.csv", "--column", "texts"], "no column 'texts'; it has text"),
        (["made.csv", "--kind", "span"], "audit number, choice, math"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pl.DataFrame({"text": ["The answer is 8."]}).write_csv(tmp_path / "made.csv")
    name, *options = arguments
    assert main(["audit", str(tmp_path / name), *options]) == 1
    assert message in capsys.readouterr().err
