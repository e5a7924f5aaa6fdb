"""All malformed rows of a question file are named at once; valid rows of all formats are read alike."""

import csv
import gzip
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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


def test_all_formats_give_the_same_table(tmp_path: Path) -> None:
    table = load(tmp_path / "mine.jsonl", *[json.dumps(row) for row in GOOD])
    assert table.schema == schemas.RAW_QUESTIONS
    assert table["task"].to_list() == ["mine", "quiz", "mine"]
    assert table["question"].to_list() == ["How many?", "Which?", "É?"]
    assert table["answer"].to_list() == [["7"], None, ["1", "one"]]
    assert table["split"].to_list() == [None, "held_out", None]
    with (tmp_path / "mine.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["question", "choices", "task", "split", "context", "answer"])
        writer.writeheader()
        for row in GOOD:
            lists = {k: json.dumps(v) for k, v in row.items() if isinstance(v, list)}
            writer.writerow(row | lists)
    cells = dataset(tmp_path / "mine.csv").load()
    assert cells.drop("source").equals(table.drop("source"))
    assert cells["source"].to_list() == [f"mine.csv, line {n}" for n in (2, 3, 4)]
    for name in ("mine.jsonl", "mine.csv"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        packed = dataset(tmp_path / f"{name}.gz").load()
        assert packed.drop("source").equals(table.drop("source"))
    pl.DataFrame([row | {"answer": None} for row in GOOD]).write_parquet(tmp_path / "mine.parquet")
    parquet = dataset(tmp_path / "mine.parquet").load()
    assert parquet.drop("answer", "source").equals(table.drop("answer", "source"))
    assert table["source"].to_list() == [f"mine.jsonl, line {n}" for n in (1, 2, 3)]
    assert parquet["source"].to_list() == [f"mine.parquet, row {n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("answer", "read"),
    [("7", "7"), ("7.0", "7"), ("2.50", "2.5"), ("true", "yes"), ("false", "no"), ('" 8 "', "8"),
     ("1e3", "1000"), ("1e-7", "0.0000001"), ("1E+9999", "1E+9999"), ("-0.10", "-0.1"), ("7" * 6000, "7" * 6000),
     ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827")],
)  # fmt: skip
def test_answers_may_be_numbers_or_verdicts(tmp_path: Path, answer: str, read: str) -> None:
    """Numbers keep all digits that are in the file."""
    row = f'{{"question": "q?", "answer": {answer}}}'
    assert load(tmp_path / "q.jsonl", row)["answer"].to_list() == [[read]]


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [([0.1, 7], pl.Float32, ["0.1", "7"]), ([0.1, 1e300], pl.Float64, ["0.1", f"1{300 * '0'}"]),
     ([Decimal("1.50"), Decimal("70.00")], pl.Decimal(10, 2), ["1.5", "70"]),
     ([date(2022, 10, 2), date(1999, 1, 1)], pl.Date, ["2022-10-02", "1999-01-01"]),
     ([datetime(2022, 10, 2), datetime(1999, 1, 1, 14, 5)], pl.Datetime, ["2022-10-02", "1999-01-01T14:05:00"]),
     ([time(14, 5), time(9)], pl.Time, ["14:05:00", "09:00:00"]), (["a", "b"], pl.Categorical, ["a", "b"]),
     ([True, False], pl.Boolean, ["yes", "no"]), ([3, 2**100], pl.Int128, ["3", str(2**100)])],
)  # fmt: skip
def test_answers_are_read_from_typed_columns(
    tmp_path: Path, values: Any, kind: Any, read: list[str]
) -> None:
    table = pl.DataFrame({"question": ["a?", "b?"], "answer": pl.Series(values, dtype=kind)})
    table.write_parquet(tmp_path / "q.parquet")
    assert dataset(tmp_path / "q.parquet").load()["answer"].to_list() == [[one] for one in read]
    several = table.select("question", answer=pl.concat_list("answer", "answer"))
    several.write_parquet(tmp_path / "q.parquet")
    assert dataset(tmp_path / "q.parquet").load()["answer"].to_list() == [
        [one, one] for one in read
    ]


def test_answer_of_unsupported_type_is_named_with_row(tmp_path: Path) -> None:
    for values, reason in [
        ([1.5, float("nan")], "row 2: answer is nan, which is not an answer"),
        ([b"a", None], "row 1: answer must be a string, a number or a list of them, not bytes"),
        ([timedelta(1), None], "row 1: answer must be a string, .* not a timedelta"),
    ]:
        table = pl.DataFrame({"question": ["a?", "b?"], "answer": values})
        table.write_parquet(tmp_path / "q.parquet")
        with pytest.raises(DatasetError, match=rf"q\.parquet, {reason}"):
            dataset(tmp_path / "q.parquet").load()


def test_one_choice_per_letter_is_read(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "q", "choices": [f"x{n}" for n in range(26)]}))
    read = QuestionFile(filepath=str(path), problems=str(tmp_path / "p.csv")).load()
    assert read["choices"][0].len() == 26


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "invalid JSON (expecting value at column 1)"),
        ("[1]", "the line must be a JSON object"),
        ('{"answer": "1"}', "there is no column 'question', only 'answer'"),
        ("{}", "there are no columns: put the questions in"),
        ('{"question": "  "}', "question is missing or empty"),
        ('{"question": 3}', "question must be a string, not a number"),
        ('{"question": "q", "task": ["t"]}', "task must be a string, not a list"),
        ('{"question": "q", "split": "test"}', "split must be one of unlabeled, held_out, probe"),
        ('{"question": "q", "choices": "x"}', "choices must be a list of strings, not a string"),
        (
            '{"question": "q", "choices": ["x", ["y"]]}',
            "an option of choices must be a string, not a list",
        ),
        ('{"question": "q", "choices": ["x", " "]}', "choices has an option without text"),
        (
            f'{{"question": "q", "choices": {27 * [1]}}}',
            "choices must have at most 26 options",
        ),
        ('{"question": "q", "answer": {}}', "answer must be a string, a number or a list of them"),
        ('{"question": "q", "answer": ""}', "answer is empty"),
        ('{"question": "q", "answer": NaN}', "answer is nan, which is not an answer"),
        ('{"question": "q", "answer": [1, -Infinity]}', "answer is -inf, which is not an answer"),
        (
            '{"question": "q", "answer": 1e99999999999999999999}',
            "the exponent of a number is too large",
        ),
        ('{"question": "q\\ud800"}', "question has a lone surrogate (character 2)"),
        (
            '{"question": "q", "answer": ["a", "\\udfff"]}',
            "answer has a lone surrogate (character 1)",
        ),
        (
            '{"question": "q", "choices": ["\\udfff", "b"]}',
            "an option of choices has a lone surrogate (character 1)",
        ),
        ('{"question": "q", "meta": %s}' % (100_000 * "["), "lists or objects are nested"),
        (
            '{"question": "q", "answer": [[1]]}',
            "answer must be a string, a number or a list of them, not a list",
        ),
    ],
)
def test_malformed_row_is_named_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(tmp_path / "q.jsonl", '{"question": "a?"}', line, '{"question": "b?"}')
    assert f"q.jsonl, line 2: {reason}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_malformed_rows_are_reported_at_once(tmp_path: Path) -> None:
    lines = ['{"question": ""}', "nonsense"] * 30
    with pytest.raises(DatasetError) as caught:
        load(tmp_path / "q.jsonl", '{"question": "a?"}', *lines)
    said = str(caught.value)
    assert "60 malformed rows" in said
    assert "30 x question is missing or empty" in said
    assert "30 x invalid JSON" in said
    assert "line 21:" in said
    assert "line 22:" not in said
    with pytest.raises(
        DatasetError, match=r"has 30 malformed rows, the first in line 2: invalid JSON"
    ):
        load(tmp_path / "r.jsonl", '{"question": "a?"}', *["nonsense"] * 30)
    with pytest.raises(DatasetError):
        load(tmp_path / "q.jsonl", '{"question": "a?"}', *lines)
    with (tmp_path / "out" / "malformed.csv").open(newline="") as file:
        assert [row["line"] for row in csv.DictReader(file)] == [str(n) for n in range(2, 62)]


def test_other_encodings_are_named_with_their_line(tmp_path: Path) -> None:
    content = '{"question": "a?"}\n{"question": "é?"}\n'.encode("latin-1")
    (tmp_path / "q.jsonl").write_bytes(content)
    with pytest.raises(DatasetError, match=r"line 2: invalid UTF-8 \(byte 15\)"):
        dataset(tmp_path / "q.jsonl").load()
    (tmp_path / "q.csv").write_bytes("question\na?\né?\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"line 3: invalid UTF-8 \(byte 1\)"):
        dataset(tmp_path / "q.csv").load()


def test_malformed_list_cells_are_named(tmp_path: Path) -> None:
    for column in ("choices", "options"):
        with pytest.raises(
            DatasetError, match=rf'line 2: {column} is not a JSON list such as \["x"'
        ):
            load(tmp_path / "q.csv", f"question,{column}", "a?,x or y")
    with pytest.raises(DatasetError, match="line 2: answer is not a JSON list"):
        load(tmp_path / "q.csv", "question,answer", 'a?,"[""x"", 3"')
    with pytest.raises(
        DatasetError, match=r"line 2: the row has 3 cells, but the header has 2: put text"
    ):
        load(tmp_path / "q.csv", "question,task", "a?,b,c")


def test_a_column_without_a_name_is_ignored(tmp_path: Path) -> None:
    """pandas writes its index as such a column."""
    table = load(tmp_path / "q.csv", ",question", "0,a?", "1,b?")
    assert table["question"].to_list() == ["a?", "b?"]


def test_nested_columns_of_the_hub_are_read(tmp_path: Path) -> None:
    """ARC's choices, SQuAD's answers, a chat and fixed-size lists of Float32 are read from typed columns."""
    options = {"text": ["red", "blue"], "label": ["1", "2"]}
    for name, row, read in [
        ("arc", {"question": "a?", "choices": options, "answerKey": "2"}, ["(B)"]),
        ("squad", {"question": "a?", "answers": {"text": ["x", "y"], "start": [1, 2]}}, ["x", "y"]),
        ("chat", {"messages": [{"role": "user", "content": "a?"}], "answer": "7"}, ["7"]),
    ]:
        pl.DataFrame([row]).write_parquet(tmp_path / f"{name}.parquet")
        table = dataset(tmp_path / f"{name}.parquet").load()
        assert table.select("question", "answer").row(0) == ("a?", read)
    short = pl.Series([[0.1, 7]], dtype=pl.Array(pl.Float32, 2))
    pl.DataFrame({"question": ["a?"], "answer": short}).write_parquet(tmp_path / "q.parquet")
    assert dataset(tmp_path / "q.parquet").load()["answer"].to_list() == [["0.1", "7"]]


def test_intervals_in_cells_are_read_as_text(tmp_path: Path) -> None:
    rows = ['a?,"[2,5]"', 'b?,"[0, 1)"', "c?,[", 'd?,"[""x"", ""y""]"']
    table = load(tmp_path / "q.csv", "question,answer", *rows)
    assert table["answer"].to_list() == [["[2,5]"], ["[0, 1)"], ["["], ["x", "y"]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_other_separators_are_read(tmp_path: Path, separator: str) -> None:
    lines = [("Question", "Answer"), ("a?", "1"), ('"b, c; d\t?"', "2")]
    table = load(tmp_path / "q.csv", *[separator.join(cells) for cells in lines])
    assert table["question"].to_list() == ["a?", "b, c; d\t?"]
    assert table["answer"].to_list() == [["1"], ["2"]]


def test_long_cells_are_read_and_open_quotes_reported(tmp_path: Path) -> None:
    long = 200_000 * "a "
    table = load(tmp_path / "q.csv", "question,context", f"a?,{long}", "", '"b\n?",c', "d?,")
    assert table["context"].to_list() == [long.strip(), "c", None]
    assert table["source"].to_list() == [f"q.csv, line {n}" for n in (2, 4, 6)]
    with pytest.raises(
        DatasetError, match=r"q\.csv, line 3: invalid CSV .* is a quote left open\?"
    ):
        load(tmp_path / "q.csv", "question,context", "a?,b", 'c?,"d', "e?,f")


PIECES = [
    b'{"question": ', b'{"messages": [{"role": "user", "content": ', b'"a?"', b', "answer": ', b', "choices": ',
    b'["x", "y"]', b'{"text": ["x"], "label": ["A"]}', b"}", b"}]", b"NaN", b"1e999", b"null", b"true", b"[", b'"',
    b"\\ud800", b"\xff", b"\x00", b"\r", b"\n", b",", b";", b"\xef\xbb\xbf", b"question", b"answer", b"choices",
]  # fmt: skip


def loaded(path: Path) -> pl.DataFrame | str:
    try:
        return dataset(path).load()
    except DatasetError as error:
        return str(error)


@pytest.mark.parametrize("name", ["q.jsonl", "q.csv"])
@given(st.lists(st.sampled_from(PIECES), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_a_table_or_clear_error(
    tmp_path: Path, name: str, pieces: list[bytes]
) -> None:
    (tmp_path / name).write_bytes(b"".join(pieces))
    found = loaded(tmp_path / name)
    if isinstance(found, str):
        assert found.startswith(str(tmp_path / name))  # errors of Kedro begin otherwise
    else:
        assert found.schema == schemas.RAW_QUESTIONS
        assert all(question.strip() for question in found["question"])


def test_truncated_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl.gz").write_bytes(gzip.compress(b'{"question": "a?"}')[:-12])
    (tmp_path / "q.csv.gz").write_bytes(gzip.compress(b"question\na?")[:-3])
    (tmp_path / "q.parquet").write_bytes(b"PAR1")
    for path in sorted(tmp_path.glob("q.*")):
        with pytest.raises(DatasetError, match=rf"{path.name} is damaged or incomplete: \S+"):
            dataset(path).load()


def test_missing_empty_and_unknown_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"q\.jsonl is missing"):
        dataset(tmp_path / "q.jsonl").load()
    with pytest.raises(DatasetError, match=r"q\.txt: questions are read from \.jsonl"):
        dataset(tmp_path / "q.txt").load()
    with pytest.raises(DatasetError, match="has no questions"):
        load(tmp_path / "q.jsonl", "")


def test_saved_questions_load_unchanged(tmp_path: Path) -> None:
    table = load(tmp_path / "mine.jsonl", *[json.dumps(row) for row in GOOD])
    dataset(tmp_path / "again" / "mine.jsonl").save(table)
    assert dataset(tmp_path / "again" / "mine.jsonl").load().equals(table)
    assert "source" not in (tmp_path / "again" / "mine.jsonl").read_text()
    assert "null" not in (tmp_path / "again" / "mine.jsonl").read_text()
