"""A chunk's address covers everything that affects its content; the number and order of workers do not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import polars as pl
import pytest
import torch

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.plan import Plan, Progress
from lmsi_kedro.engines.running_votes import RunningVotes
from lmsi_kedro.params import EngineParams, Sampling
from tests.models import RAGGED, tiny_model
from tests.stores import fill

SAMPLING = Sampling(temperature=1.0, max_new_tokens=8, seed=3)
PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {i}?\nA:" for i in range(6)}


def plan(
    model: Path = Path("model"),
    digest: str = "d",
    workers: int = 1,
    dtype: Literal["bfloat16", "float32"] = "float32",
    m: int = 4,
    sampling: Sampling = SAMPLING,
    prompts: dict[str, str] = PROMPTS,
    mode: str = "x",
) -> Plan:
    engine = EngineParams(
        executor="processes",
        ray_address=None,
        workers=workers,
        dtype=dtype,
        paths_per_chunk=8,
        rows=4,
        chat="auto",
        trust_remote_code=False,
        skip_too_long=False,
    )
    made = Plan(model, digest, engine)
    made.add(prompts, range(m), sampling, {"mode": mode})
    return made


@pytest.mark.parametrize(
    "changed",
    [
        lambda: plan(digest="other"),
        lambda: plan(dtype="bfloat16"),
        lambda: plan(mode="y"),
        lambda: plan(sampling=SAMPLING.model_copy(update={"seed": 4})),
        lambda: plan(sampling=SAMPLING.model_copy(update={"temperature": 0.9})),
        lambda: plan(prompts={**PROMPTS, "q0": "Q: 0?\nA:"}),
        lambda: plan(prompts={f"p{i}": prompt for i, prompt in enumerate(PROMPTS.values())}),
    ],
    ids=["model", "dtype", "columns", "seed", "temperature", "prompt", "question"],
)
def test_address_covers_every_input(changed: Callable[[], Plan]) -> None:
    first = next(iter(plan().chunks))
    assert first not in changed().chunks
    assert first in plan(model=Path("elsewhere"), workers=2).chunks


def test_raising_m_keeps_existing_chunks() -> None:
    few, many = plan(m=8), plan(m=20)
    assert set(few.chunks) < set(many.chunks)
    assert sum(chunk.paths for chunk in many.chunks.values()) == 6 * 20


def test_tables_do_not_depend_on_workers_or_order(tmp_path: Path) -> None:
    """Two workers that compute the chunks in another order give the same tables as one worker."""
    model = tiny_model(tmp_path, ends=RAGGED)
    with closing(plan(model)) as one, closing(plan(model, workers=2)) as two:
        alone = dict(one.compute(list(one.chunks)))
        shared = dict(two.compute(list(two.chunks)[::-1]))
    assert set(alone) == set(shared)
    assert all(alone[chunk].equals(shared[chunk]) for chunk in alone)
    assert pl.concat(alone.values()).height == 24


def test_kept_prompts_do_not_change_tables(tmp_path: Path) -> None:
    """Greedy paths, and two blocks of sampled paths of the same questions, of which a worker keeps the prompts."""
    model = tiny_model(tmp_path, ends=RAGGED)
    greedy = SAMPLING.model_copy(update={"temperature": 0.0})
    with closing(plan(model, m=2)) as made:
        made.add(PROMPTS, range(1), greedy, {"mode": "greedy"})
        made.add(PROMPTS, range(2, 4), SAMPLING, {"mode": "x"})
        shared = dict(made.compute(list(made.chunks)))
    for name, chunk in made.chunks.items():
        assert chunk.table(LocalEngine(model, torch.float32, rows=4)).equals(shared[name])
    assert sorted(chunk.paths for chunk in made.chunks.values()) == [2, 4, 4, 4, 8, 8]


def test_largest_chunks_are_computed_first() -> None:
    """Chunks of equal size keep the order of the plan."""
    made, order = plan(m=1), []
    made.add({"q1": "Q: 1\nA:", "q2": "Q: 2\nA:"}, range(20), SAMPLING, {})

    def compute(chunks: object, missing: list[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        order.extend(missing)
        yield from ()

    made.executor = SimpleNamespace(compute=compute, close=lambda: None)
    assert list(made.compute(list(made.chunks))) == []
    sizes = {name: chunk.paths for name, chunk in made.chunks.items()}
    assert list(sizes.values()) == [4, 2, 8, 8, 8, 8, 8]
    assert order == [*list(sizes)[2:], *list(sizes)[:2]]


@dataclass
class Scripted(Plan):
    """A plan without a model: i of every 6 paths of question q<i> agree. Raises an error after `lives` chunks."""

    lives: Iterator[int] = field(default_factory=lambda: iter(range(99)))
    order: int = 1

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        for name in missing[:: self.order]:
            if next(self.lives, None) is None:
                raise KeyboardInterrupt
            asked = [(r.question_id, path) for r in self.chunks[name].requests for path in r.paths]
            keys = ["same" if path % 6 < int(q[1:]) else f"{path}" for q, path in asked]
            table = pl.DataFrame(asked, schema=["question_id", "path"], orient="row")
            yield name, table.with_columns(key=pl.Series(keys), tokens=pl.lit(3))


def scripted(m: int, early_stop: float | None, lives: int = 99, order: int = 1) -> Plan:
    engine = plan().engine
    made = Scripted(
        Path("model"),
        "d",
        engine,
        lambda table: table,
        early_stop,
        lives=iter(range(lives)),
        order=order,
    )
    made.add(PROMPTS, range(m), SAMPLING, {})
    return made


def drawn(store: ChunkStore) -> dict[str, int]:
    return dict(
        store.load().table()["question_id"].value_counts(sort=False).sort("question_id").iter_rows()
    )


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}


def test_raising_m_samples_only_missing_paths(tmp_path: Path) -> None:
    """Raising m from 16 to 32 samples 16 new paths of each question and does not touch the stored ones."""
    model, store = tiny_model(tmp_path / "model"), ChunkStore(filepath=str(tmp_path / "paths"))
    fill(store, plan(model, m=16))
    before, first = stamps(tmp_path / "paths"), store.load().table()
    fill(store, plan(model, m=32))
    after = stamps(tmp_path / "paths")
    assert {name: stamp for name, stamp in after.items() if name in before} == before
    new = pl.concat(pl.read_parquet(tmp_path / "paths" / name) for name in set(after) - set(before))
    assert sorted(new.select("question_id", "path").iter_rows()) == [
        (question, path) for question in PROMPTS for path in range(16, 32)
    ]
    order = ["question_id", "path"]
    both = store.load().table().sort(order)
    assert both.filter(pl.col("path") < 16).equals(first.sort(order))


def test_sampling_stops_early_once_majority_is_decided(tmp_path: Path) -> None:
    """q4 and q5 are decided after 8 paths, q2 and q3 after 16, q0 and q1 never."""
    store = ChunkStore(filepath=str(tmp_path / "paths"))
    fill(store, scripted(32, 0.95))
    assert drawn(store) == {"q0": 32, "q1": 32, "q2": 16, "q3": 16, "q4": 8, "q5": 8}
    fill(store, scripted(32, None))
    assert drawn(store) == dict.fromkeys(PROMPTS, 32)


def test_early_stopping_counts_all_exemplar_sets(tmp_path: Path) -> None:
    """The paths of each exemplar set are added to the plan separately."""
    store, made = ChunkStore(filepath=str(tmp_path / "paths")), scripted(0, 0.95)
    for first in range(0, 32, 2):
        made.add(PROMPTS, range(first, first + 2), SAMPLING, {"exemplar_set": str(first)})
    fill(store, made)
    assert drawn(store) == {"q0": 32, "q1": 32, "q2": 16, "q3": 16, "q4": 8, "q5": 8}


def test_resumed_run_stops_early_at_the_same_paths(tmp_path: Path) -> None:
    """Each run is killed after 1 to 10 chunks, which finish in reverse order, and is then resumed."""

    def contents(folder: Path) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != ".lock"}

    fill(ChunkStore(filepath=str(tmp_path / "whole")), scripted(24, 0.95))
    expected = contents(tmp_path / "whole")
    for lives in range(1, 11):
        store = ChunkStore(filepath=str(tmp_path / str(lives)))
        with pytest.raises(KeyboardInterrupt):
            fill(store, scripted(24, 0.95, lives, order=-1))
        fill(store, scripted(24, 0.95))
        assert contents(tmp_path / str(lives)) == expected


def test_share_done_is_that_of_paths(caplog: pytest.LogCaptureFixture) -> None:
    """The first of two chunks has 4 of 12 paths."""
    table = pl.DataFrame({"question_id": list("aabb"), "key": ["1"] * 4, "tokens": [5] * 4})
    with caplog.at_level("INFO"):
        Progress(2, 12, RunningVotes(lambda chunk: chunk), every=0).add(table)
    assert vars(caplog.records[-1])["share"] == pytest.approx(1 / 3)


def test_progress_shows_agreement_of_paths(caplog: pytest.LogCaptureFixture) -> None:
    """The two paths agree on one question and differ on the other, so three of four agree with the winner."""
    table = pl.DataFrame(
        {"question_id": list("aabb"), "key": ["1", "1", "1", "2"], "tokens": [5] * 4}
    )
    with caplog.at_level("INFO"):
        Progress(1, table.height, RunningVotes(lambda chunk: chunk)).add(table)
    assert "sampled 1 of 1 chunks: 4 paths, 75% agree" in caplog.text
    for figure in ("paths/s", "tokens/s", "0 s left"):
        assert figure in caplog.text
