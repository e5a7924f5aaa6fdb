"""If a disk is full, read-only or used by two runs, the error names the file, and no chunk is lost."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.chunk_store import ChunkStore
from tests.datasets.fake_plan import FakePlan
from tests.disks import Small
from tests.stores import fill


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Small]:
    with Small(tmp_path).mounted("size=64k") as small:
        yield small


def chunks(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "paths").glob("*.parquet")}


def test_full_disk_is_named_and_finished_chunks_stay(disk: Small) -> None:
    names = [f"chunk{i}" for i in range(60)]  # each takes a page of 4 KiB
    store = ChunkStore(filepath=str(disk.path / "paths"))
    with pytest.raises(DatasetError, match=r"chunk\d+\.\w+\.parquet cannot be written: No space"):
        fill(store, FakePlan(names))
    kept = chunks(disk.path)
    assert 5 < len(kept) < 60
    assert not store.exists()
    disk.remount("size=10m")
    rest = FakePlan(names)
    fill(store, rest)
    assert len(rest.computed) == 60 - len(kept)
    assert {name: stamp for name, stamp in chunks(disk.path).items() if name in kept} == kept
    assert store.load().table()["question_id"].to_list() == names


def test_read_only_folder_is_readable_but_not_writable(disk: Small) -> None:
    """The error is raised before anything is computed."""
    store = ChunkStore(filepath=str(disk.path / "paths"))
    fill(store, FakePlan(["a"]))
    disk.remount("ro")
    refused = FakePlan(["a", "b"])
    with pytest.raises(DatasetError, match=r"paths/.* cannot be written: Read-only"):
        fill(store, refused)
    assert refused.computed == []
    assert store.load().table()["question_id"].to_list() == ["a"]


def test_second_run_on_a_store_is_refused(tmp_path: Path) -> None:
    """Once the first run has ended, the second finds all its chunks."""
    store = ChunkStore(filepath=str(tmp_path / "paths"))
    second = FakePlan(["a", "b"])

    class First(FakePlan):
        def compute(self, missing: object) -> Iterator[tuple[str, pl.DataFrame]]:
            for chunk in super().compute(["a", "b"]):
                with pytest.raises(DatasetError, match="paths is being written by another run"):
                    fill(ChunkStore(filepath=str(tmp_path / "paths")), second)
                yield chunk

    fill(store, First(["a", "b"]))
    assert second.computed == []
    fill(store, second)
    assert second.computed == []
    assert store.load().table().height == 2
