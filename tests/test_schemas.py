"""A table that does not match its schema is rejected with an error that names the table, column or row."""

import polars as pl
import pytest

from lmsi_kedro import schemas

LABELS = pl.DataFrame({"question_id": ["a", "b"], "answers": [["1"], ["2"]]})


def test_valid_table_passes_unchanged() -> None:
    assert schemas.labels(LABELS) is LABELS
    assert schemas.labels(schemas.empty(schemas.LABELS)).is_empty()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (LABELS.drop("answers"), r"labels: missing columns \['answers'\], unknown columns \[\]"),
        (LABELS.with_columns(task=pl.lit("x")), r"unknown columns \['task'\]"),
        (LABELS.with_columns(answers=pl.lit("1")), "column answers is String, not List"),
        (pl.concat([LABELS, LABELS[:1]]), r"labels: {'question_id': 'a'} occurs twice"),
    ],
)
def test_invalid_table_is_refused(table: pl.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        schemas.labels(table)
