"""Chunks survive kills, torn files and changed inputs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.chunk_store import ChunkStore


@dataclass
class FakePlan:
    """Chunks of one row; dies after `lives` of them, as a killed run would."""

    names: list[str]
    lives: int = 99
    computed: list[str] = field(default_factory=list)

    @property
    def chunks(self) -> dict[str, str]:
        return {name: name for name in self.names}

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        for name in reversed(missing):
            if len(self.computed) == self.lives:
                raise KeyboardInterrupt
            self.computed.append(name)
            yield name, pl.DataFrame({"question_id": [name], "path": [0]})


def store(folder: Path) -> ChunkStore:
    return ChunkStore(filepath=str(folder / "paths"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "paths").iterdir()}


def test_loads_in_the_order_of_the_plan(tmp_path: Path) -> None:
    """However the chunks were finished."""
    store(tmp_path).save(FakePlan(["b", "a", "c"]))
    assert store(tmp_path).load().table()["question_id"].to_list() == ["b", "a", "c"]
    assert store(tmp_path).exists()


def test_an_interrupted_run_redoes_only_what_is_missing(tmp_path: Path) -> None:
    """And ends with the same bytes as one that was never interrupted."""
    names = ["a", "b", "c", "d"]
    with pytest.raises(KeyboardInterrupt):
        store(tmp_path / "cut").save(FakePlan(names, lives=2))
    assert not store(tmp_path / "cut").exists()
    with pytest.raises(DatasetError, match="not complete"):
        store(tmp_path / "cut").load()
    rest = FakePlan(names)
    store(tmp_path / "cut").save(rest)
    assert rest.computed == ["b", "a"]
    store(tmp_path / "whole").save(FakePlan(names))
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.parametrize("damage", [b"", b"torn"], ids=["empty", "torn"])
def test_a_damaged_chunk_is_found_and_redone(tmp_path: Path, damage: bytes) -> None:
    store(tmp_path).save(FakePlan(["a", "b"]))
    whole = files(tmp_path)
    chunk = next((tmp_path / "paths").glob("b.*"))
    chunk.write_bytes(damage)
    (tmp_path / "paths" / "a.123.tmp").write_bytes(b"leftover")
    with pytest.raises(DatasetError, match=r"b\..* is damaged"):
        store(tmp_path).load().table()
    again = FakePlan(["a", "b"])
    store(tmp_path).save(again)
    assert again.computed == ["b"]
    assert files(tmp_path) == whole


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    store(tmp_path).save(FakePlan(["a"]))
    chunk = next((tmp_path / "paths").glob("a.*"))
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(DatasetError, match="damaged"):
        store(tmp_path).load().table()


def test_other_inputs_never_reuse_text(tmp_path: Path) -> None:
    """A plan's manifest lists its own chunks only; what both plans share is kept."""
    store(tmp_path).save(FakePlan(["a", "b"]))
    other = FakePlan(["b", "x"])
    store(tmp_path).save(other)
    assert other.computed == ["x"]
    assert store(tmp_path).load().table()["question_id"].to_list() == ["b", "x"]
