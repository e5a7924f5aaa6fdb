"""A file of worked examples is read like a question file, with a rationale for every answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro import schemas
from lmsi_kedro.datasets.question_file import WorkedFile

Row = dict[str, Any]
ROW = {"question": "2 + 5?", "rationale": "2 and 5 make 7.", "answer": 7}
SOLUTION = "Three and four are $7$, so the answer is $\\boxed{7}$."


def load(path: Path) -> pl.DataFrame:
    return WorkedFile(filepath=str(path), problems=str(path.parent / "wrong.csv")).load()


def jsonl(folder: Path, *rows: Row) -> Path:
    path = folder / "worked.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_every_format_gives_the_same_table(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"worked.{ending}"
    table = pl.DataFrame([ROW | {"id": 1, "split": "train"}])
    writers: dict[str, Callable[[Path], None]] = {
        "jsonl": table.write_ndjson,
        "csv": table.write_csv,
        "parquet": table.write_parquet,
    }
    writers[ending](path)
    read = load(path)
    assert dict(read.schema) == schemas.RAW_WORKED
    row = {name: value for name, value in read.row(0, named=True).items() if value is not None}
    unit, first = {"jsonl": ("line", 1), "csv": ("line", 2), "parquet": ("row", 1)}[ending]
    assert row == {
        **ROW, "answer": ["7"], "source": f"worked.{ending}, {unit} {first}",
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("row", "rationale", "answer"),
    [
        ({"problem": "3 + 4?", "solution": SOLUTION}, SOLUTION, SOLUTION),  # MATH
        ({"problem": "3 + 4?", "solution": SOLUTION, "answer": "7"}, SOLUTION, "7"),  # MATH-500
        ({"question": "3 + 4?", "answer": "3+4=7\n#### 7"}, "3+4=7\n#### 7", "3+4=7\n#### 7"),  # GSM8K
        ({"query": "3 + 4?", "response": "7. The answer is: 7"},) + ("7. The answer is: 7",) * 2,  # MetaMathQA
        ({"question": "3 + 4?", "correct": "7", "rationale": "3+4"}, "3+4", "7"),  # AQuA
    ],
)  # fmt: skip
def test_rows_of_common_data_sets_are_read(
    row: Row, rationale: str, answer: str, ending: str, tmp_path: Path
) -> None:
    path = jsonl(tmp_path, row)
    if ending == "parquet":
        path = tmp_path / "worked.parquet"
        pl.DataFrame([row]).write_parquet(path)
    read = load(path)
    assert read["rationale"].to_list() == [rationale]
    assert read["answer"].to_list() == [[answer]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"question": "2 + 5?", "answer": 7}, {"question": "1?", "answer": 1, "id": 3}],
         "2 malformed rows, the first in line 1: there is no column 'rationale' with the steps to the answer."),
        ([ROW, ROW | {"rationale": " "}], "line 2: rationale is missing or empty"),
        ([ROW | {"answer": None}], "line 1: answer is missing or empty"),
        ([{"question": "2 + 5?", "rationale": "7."}], "line 1: answer is missing or empty"),
        ([ROW | {"rationale": 7}], "line 1: rationale must be a string, not a number"),
        ([{"question": "2?", "rational": "2.", "answer": 2}], "is the column 'rational' meant to be 'rationale'?"),
        ([], "has no worked examples: it needs one per row"),
    ],
)  # fmt: skip
def test_malformed_rows_give_one_line_errors(rows: list[Row], said: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as error:
        load(jsonl(tmp_path, *rows))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path / "worked.jsonl") in str(error.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.jsonl", "is missing: put your worked examples there"),
        ("worked.txt", "worked examples are read from .jsonl, .csv"),
    ],
)
def test_missing_file_is_named(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=said):
        load(tmp_path / name)
