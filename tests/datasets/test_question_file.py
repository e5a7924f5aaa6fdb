"""Every malformed row of a question file is named at once; good rows of all formats read alike."""

import csv
import json
import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro import schemas
from lmsi_kedro.datasets.question_file import QuestionFile

GOOD: list[dict[str, Any]] = [
    {"question": "How many?", "answer": "7"},
    {"question": " Which? ", "choices": ["x", "y"], "task": "quiz", "split": "held_out"},
    {"question": "É?", "context": "A passage.", "answer": ["1", "one"]},
]


def dataset(path: Path) -> QuestionFile:
    return QuestionFile(filepath=str(path), problems=str(path.parent / "out" / "malformed.csv"))


def load(path: Path, *lines: str) -> pl.DataFrame:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return dataset(path).load()


def test_all_formats_read_alike(tmp_path: Path) -> None:
    table = load(tmp_path / "mine.jsonl", *[json.dumps(row) for row in GOOD])
    assert table.schema == schemas.RAW_QUESTIONS
    assert table["task"].to_list() == ["mine", "quiz", "mine"]
    assert table["question"].to_list() == ["How many?", "Which?", "É?"]
    assert table["answer"].to_list() == [["7"], None, ["1", "one"]]
    assert table["split"].to_list() == [None, "held_out", None]
    with (tmp_path / "mine.csv").open("w", newline="", encoding="utf-8-sig") as file:
        cells = csv.DictWriter(file, ["question", "choices", "task", "split", "context", "answer"])
        cells.writeheader()
        for row in GOOD:
            lists = {k: json.dumps(v) for k, v in row.items() if isinstance(v, list)}
            cells.writerow(row | lists)
    assert dataset(tmp_path / "mine.csv").load().equals(table)
    pl.DataFrame([row | {"answer": None} for row in GOOD]).write_parquet(tmp_path / "mine.parquet")
    parquet = dataset(tmp_path / "mine.parquet").load()
    assert parquet.drop("answer").equals(table.drop("answer"))


@pytest.mark.parametrize(
    ("answer", "read"),
    [(7, "7"), (7.0, "7"), (2.5, "2.5"), (True, "yes"), (False, "no"), (" 8 ", "8")],
)
def test_numbers_and_verdicts_are_answers(tmp_path: Path, answer: Any, read: str) -> None:
    row = json.dumps({"question": "q?", "answer": answer})
    assert load(tmp_path / "q.jsonl", row)["answer"].to_list() == [[read]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "is not JSON (Expecting value, column 1)"),
        ("[1]", "is not a JSON object"),
        ('{"answer": "1"}', "question is missing or empty"),
        ('{"question": "  "}', "question is missing or empty"),
        ('{"question": 3}', "question must be text, not a number"),
        ('{"question": "q", "task": ["t"]}', "task must be text, not a list"),
        ('{"question": "q", "split": "test"}', "split must be one of unlabeled, held_out, probe"),
        ('{"question": "q", "choices": "x"}', "choices must be a list of texts, not a text"),
        ('{"question": "q", "choices": ["x", 2]}', "choices must be a list of texts"),
        ('{"question": "q", "choices": ["x", " "]}', "choices has one without text"),
        ('{"question": "q", "choices": ["x"]}', "choices must be 2 to 26"),
        ('{"question": "q", "answer": {}}', "answer must be text, a number or a list of them"),
        ('{"question": "q", "answer": ""}', "answer is empty"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(tmp_path / "q.jsonl", '{"question": "a?"}', line, '{"question": "b?"}')
    assert f"line 2: {reason}" in str(caught.value)
    assert "q.jsonl has 1 malformed rows" in str(caught.value)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    lines = ['{"question": ""}', "nonsense"] * 30
    with pytest.raises(DatasetError) as caught:
        load(tmp_path / "q.jsonl", '{"question": "a?"}', *lines)
    said = str(caught.value)
    assert "60 malformed rows" in said
    assert "30 x question is missing or empty" in said
    assert "30 x is not JSON" in said
    assert "line 21:" in said
    assert "line 22:" not in said
    with (tmp_path / "out" / "malformed.csv").open(newline="") as file:
        assert [row["line"] for row in csv.DictReader(file)] == [str(n) for n in range(2, 62)]


def test_other_encodings_are_named_with_their_line(tmp_path: Path) -> None:
    content = '{"question": "a?"}\n{"question": "é?"}\n'.encode("latin-1")
    (tmp_path / "q.jsonl").write_bytes(content)
    with pytest.raises(DatasetError, match=r"line 2: is not UTF-8 \(byte 15\)"):
        dataset(tmp_path / "q.jsonl").load()
    (tmp_path / "q.csv").write_bytes("question\na?\né?\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"line 3: is not UTF-8 \(byte 1\)"):
        dataset(tmp_path / "q.csv").load()


def test_cells_that_are_no_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="line 2: choices is not a JSON list"):
        load(tmp_path / "q.csv", "question,choices", "a?,x or y")
    with pytest.raises(DatasetError, match="line 2: has more or fewer cells than the header"):
        load(tmp_path / "q.csv", "question,task", "a?,b,c")


def test_other_columns_are_ignored_but_misspelt_ones_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load(tmp_path / "q.jsonl", '{"question": "a?", "id": 3, "source": "web"}')
    assert "ignored columns id, source" in caplog.text
    with pytest.raises(DatasetError, match="column 'Anwser' meant to be 'answer'"):
        load(tmp_path / "q.jsonl", '{"question": "a?", "Anwser": "3"}')


def test_missing_empty_and_unknown_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"q\.jsonl is missing"):
        dataset(tmp_path / "q.jsonl").load()
    with pytest.raises(DatasetError, match=r"q\.txt: questions are read from \.jsonl"):
        dataset(tmp_path / "q.txt").load()
    with pytest.raises(DatasetError, match="has no questions"):
        load(tmp_path / "q.jsonl", "")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    table = load(tmp_path / "mine.jsonl", *[json.dumps(row) for row in GOOD])
    dataset(tmp_path / "again" / "mine.jsonl").save(table)
    assert dataset(tmp_path / "again" / "mine.jsonl").load().equals(table)
    assert "null" not in (tmp_path / "again" / "mine.jsonl").read_text()
