"""Chunks survive kills, damaged files and changed inputs, on a disk and in an object store."""

from pathlib import Path
from uuid import uuid4

import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.chunk_store import MANIFEST, ChunkStore
from lmsi_kedro.datasets.folder import Folder
from tests.datasets.fake_plan import FakePlan
from tests.stores import fill


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else f"memory://{uuid4()}"


def store(place: str) -> ChunkStore:
    return ChunkStore(filepath=f"{place}/paths")


def files(place: str) -> dict[str, bytes | None]:
    folder = Folder(f"{place}/paths")
    return {name: folder.read(name) for name in folder.names() if name != ".lock"}


def chunk_of(place: str, chunk: str) -> str:
    return next(name for name in files(place) if name.startswith(f"{chunk}."))


def ids(place: str) -> list[str]:
    return store(place).load().table()["question_id"].to_list()


def test_chunks_load_in_the_order_of_the_plan(place: str) -> None:
    """The order in which the chunks were finished does not matter."""
    fill(store(place), FakePlan(["b", "a", "c"]))
    assert ids(place) == ["b", "a", "c"]
    assert store(place).exists()


def test_resumed_run_computes_only_missing_chunks(place: str) -> None:
    """The resumed run stores the same bytes as a run that was never interrupted."""
    names = ["a", "b", "c", "d"]
    cut, whole = f"{place}/cut", f"{place}/whole"
    with pytest.raises(KeyboardInterrupt):
        fill(store(cut), FakePlan(names, lives=2))
    assert not store(cut).exists()
    with pytest.raises(DatasetError, match="not complete"):
        store(cut).load()
    rest = FakePlan(names)
    fill(store(cut), rest)
    assert rest.computed == ["b", "a"]
    fill(store(whole), FakePlan(names))
    assert files(cut) == files(whole)


@pytest.mark.parametrize("damage", [b"", b"torn", None], ids=["empty", "torn", "flipped bit"])
def test_damaged_chunk_is_detected_and_computed_again(place: str, damage: bytes | None) -> None:
    fill(store(place), FakePlan(["a", "b"]))
    whole, chunk = files(place), chunk_of(place, "b")
    Folder(f"{place}/paths").write(chunk, flipped(whole[chunk]) if damage is None else damage)
    with pytest.raises(DatasetError, match=r"b\..* is damaged"):
        store(place).load().table()
    again = FakePlan(["a", "b"])
    fill(store(place), again)
    assert again.computed == ["b"]
    assert files(place) == whole


def flipped(content: bytes | None) -> bytes:
    changed = bytearray(content or b"")
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def test_a_damaged_manifest_is_named_and_renewed(place: str) -> None:
    fill(store(place), FakePlan(["a"]))
    Folder(f"{place}/paths").write(MANIFEST, b'{"chu')
    with pytest.raises(DatasetError, match=r"manifest\.json is damaged"):
        store(place).load()
    again = FakePlan(["a"])
    fill(store(place), again)
    assert (again.computed, ids(place)) == ([], ["a"])


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / "paths").mkdir()
    (tmp_path / "paths" / "a.123.parquet.tmp").write_bytes(b"leftover")
    fill(store(str(tmp_path)), FakePlan(["a"]))
    assert not list((tmp_path / "paths").glob("*.tmp"))


def test_another_plan_reuses_only_shared_chunks(place: str) -> None:
    """The manifest lists only the chunks of its plan; chunks that both plans share are kept."""
    fill(store(place), FakePlan(["a", "b"]))
    other = FakePlan(["b", "x"])
    fill(store(place), other)
    assert other.computed == ["x"]
    assert ids(place) == ["b", "x"]


def test_store_is_incomplete_while_another_plan_is_sampled(place: str) -> None:
    fill(store(place), FakePlan(["a", "b"]))
    with pytest.raises(KeyboardInterrupt):
        fill(store(place), FakePlan(["b", "x", "y"], lives=1))
    assert not store(place).exists()
    with pytest.raises(DatasetError, match="is not complete"):
        store(place).load()


def test_paths_of_another_plan_are_refused(place: str) -> None:
    fill(store(place), FakePlan(["a", "b"]))
    assert store(place).load().of("a-b").table().height == 2
    with pytest.raises(DatasetError, match="paths of another plan"):
        store(place).load().of("a-b-c")
    Folder(f"{place}/paths").write(MANIFEST, b'{"chunks": []}')  # the format of older versions
    with pytest.raises(DatasetError, match="paths of another plan"):
        store(place).load().of("a-b")


def test_staged_plan_resumes_from_paths_of_previous_stage(place: str) -> None:
    """Each stage reads the paths of the previous one; the manifest of all chunks is written only at the end."""
    cut = FakePlan(["a", "b"], following=FakePlan(["c", "d"], lives=1))
    with pytest.raises(KeyboardInterrupt):
        fill(store(place), cut)
    assert cut.seen == ["a", "b"]
    assert not store(place).exists()
    last = FakePlan(["c", "d"])
    again = FakePlan(["a", "b"], following=last)
    fill(store(place), again)
    assert cut.closed
    assert again.closed
    assert (again.computed, last.computed) == ([], ["c"])
    assert ids(place) == ["a", "b", "c", "d"]


def test_a_plan_without_chunks_is_complete_and_empty(place: str) -> None:
    fill(store(place), FakePlan([]))
    assert store(place).load().table().is_empty()
