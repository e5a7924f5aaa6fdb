"""Every mistake in a file that people write is named with its file, line and field."""

from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.json_lines import JsonLines

GOOD = '{"task": "t", "question": "How many?"}\n'


def dataset(path: Path) -> JsonLines:
    return JsonLines(
        filepath=str(path),
        required={"task": "text", "question": "text"},
        optional={"choices": "texts"},
    )


def test_round_trip(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"task": ["t", "u"], "question": ["a", "é"], "choices": [None, ["x", "y"]]}
    )
    dataset(tmp_path / "q.jsonl").save(table)
    assert dataset(tmp_path / "q.jsonl").load().equals(table)
    assert "null" not in (tmp_path / "q.jsonl").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"q.jsonl, line 2: not JSON"),
        ("[1]", r"line 2: a JSON object is needed, not list"),
        ('{"task": "t"}', r"line 2: field 'question' is missing or empty"),
        ('{"task": "t", "question": ""}', r"line 2: field 'question' is missing or empty"),
        ('{"task": "t", "question": 3}', r"line 2: field 'question' must be a string"),
        ('{"task": "t", "question": "q", "choices": "x"}', r"'choices' must be a list of strings"),
        ('{"task": "t", "question": "q", "chioces": []}', r"line 2: unknown field 'chioces'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "q.jsonl").write_text(GOOD + line + "\n")
    with pytest.raises(DatasetError, match=message):
        dataset(tmp_path / "q.jsonl").load()


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"q.jsonl is missing"):
        dataset(tmp_path / "q.jsonl").load()
    (tmp_path / "q.jsonl").write_text("\n")
    with pytest.raises(DatasetError, match=r"q.jsonl has no lines"):
        dataset(tmp_path / "q.jsonl").load()
