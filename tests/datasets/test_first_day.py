"""The day on which a run was first prepared is kept."""

from datetime import date
from pathlib import Path

import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.first_day import FirstDay


def test_resumed_run_keeps_the_date_of_its_start(tmp_path: Path) -> None:
    day = FirstDay(filepath=str(tmp_path / "first_day.txt"))
    assert abs((day.load() - date.today()).days) <= 1
    (tmp_path / "first_day.txt").write_text("2026-11-01\n")
    assert day.load() == date(2026, 11, 1)
    (tmp_path / "first_day.txt").write_text("soon")
    with pytest.raises(DatasetError, match=r"first_day\.txt has no date"):
        day.load()
