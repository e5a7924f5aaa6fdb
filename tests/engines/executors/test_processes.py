"""A run that is killed 20 times stores the same bytes as an uninterrupted one and samples no chunk twice.

A killed worker ends the run at once.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.engines.chunk import Chunk, Request
from lmsi_kedro.engines.executors import processes
from tests.engines.executors import faulty
from tests.engines.sampling_run import plan
from tests.models import RAGGED, tiny_model
from tests.stores import fill

ROOT = Path(__file__).parents[3]
KILLS = 20


def start(model: Path, store: Path, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.engines.sampling_run", str(model), str(store)],
        cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"}, text=True, **options,
    )  # fmt: skip


def chunks(store: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in store.glob("*.parquet")}


def contents(store: Path) -> dict[str, bytes]:
    """All files but the lock, which says who wrote them and when."""
    return {path.name: path.read_bytes() for path in store.iterdir() if path.name != ".lock"}


def killed(run: "subprocess.Popen[str]", store: Path, draw: Random) -> None:
    """Kill the run while it starts or while it samples the next few chunks; its worker processes must end, too."""
    before, wanted = len(chunks(store)), draw.randrange(4)
    # A start takes up to 4 s; a fast machine stores chunks in that time, and all kills together must leave some.
    end = time.monotonic() + (300 if wanted else draw.uniform(0, 4))
    enough = before + (wanted or 2)
    while run.poll() is None and time.monotonic() < end and len(chunks(store)) < enough:
        time.sleep(0.002)
    time.sleep(draw.uniform(0, 0.1))
    orphans = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
    run.kill()
    assert run.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    _, alive = psutil.wait_procs(orphans, timeout=30)
    assert not alive


@pytest.mark.slow
def test_twenty_kills_do_not_change_the_chunks(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model", ends=RAGGED)
    whole = tmp_path / "whole"
    fill(ChunkStore(filepath=str(whole)), plan(model))
    draw, store, seen = Random(4), tmp_path / "killed", dict[str, int]()
    for _ in range(KILLS):
        killed(start(model, store), store, draw)
        assert chunks(store).items() >= seen.items(), "a stored chunk was sampled again"
        seen = chunks(store)
        assert not (store / "manifest.json").exists()
    assert start(model, store).wait(300) == 0
    assert chunks(store).items() >= seen.items()
    files = contents(whole)
    assert contents(store) == files
    assert KILLS < len(seen) < len(files)


@pytest.mark.slow
def test_killed_worker_stops_the_run_with_reason(tmp_path: Path) -> None:
    """The test kills a worker as the system does when memory runs out; stored chunks are kept."""
    model, store = tiny_model(tmp_path / "model"), tmp_path / "paths"
    run = start(model, store, stderr=subprocess.PIPE)
    while len(chunks(store)) < 2:
        assert run.poll() is None
        time.sleep(0.002)
    workers = [
        p for p in psutil.Process(run.pid).children() if "spawn_main" in " ".join(p.cmdline())
    ]
    workers[0].kill()
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert (
        "a sampling worker died, most likely because memory ran out: lower engine.workers" in said
    )
    kept = chunks(store)
    assert start(model, store).wait(120) == 0
    assert chunks(store).items() > kept.items()


def started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> processes.Processes:
    """Two workers that compute the chunks of `faulty`."""
    monkeypatch.setattr(processes, "sample", faulty.sample)
    engine = plan(folder).engine.model_copy(update={"workers": 2})
    return processes.Processes(folder, engine)


def chunks_of(*questions: str) -> dict[str, Chunk]:
    sampling = plan(Path()).wanted[0].sampling
    return {q: Chunk((Request(q, q, range(1)),), sampling, {}) for q in questions}


@pytest.mark.parametrize("first", ["dies", "dies beside a sleeper"])
def test_killed_worker_ends_the_others(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker is still starting, or computes a chunk that takes ten minutes."""
    workers, chunks = started(tmp_path, monkeypatch), chunks_of(first, "sleeps")
    begin = time.monotonic()
    with pytest.raises(ChildProcessError, match=r"lower engine\.workers or engine\.rows"):
        list(workers.compute(chunks, list(chunks)))
    workers.close()
    assert time.monotonic() - begin < 60
    assert not [child for child in psutil.Process().children() if child.pid in workers.started.pids]


@pytest.mark.parametrize("ended", [0, 1])
def test_worker_that_starts_too_late_ends(ended: int) -> None:
    workers = processes.Started(1)
    if ended:
        workers.end()
    late = processes.CONTEXT.Process(target=workers.add, args=(0,))
    late.start()
    late.join(60)
    assert late.exitcode == ended
    assert list(workers.pids) == [late.pid]


def test_worker_is_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers, chunks = started(tmp_path, monkeypatch), chunks_of(*"abcdefgh")
    pids = [table["pid"].item() for _, table in workers.compute(chunks, list(chunks))]
    workers.close()
    assert {*pids} <= {*workers.started.pids}
    assert os.getpid() not in pids
    assert len(pids) == 8


@pytest.mark.parametrize(("soft", "more", "expected"), [(100, 50, 150), (100, 5000, 200)])
def test_limit_of_open_files_is_raised(
    soft: int, more: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker's pool has 8 open files, and many systems allow 1,024; the hard limit is 200 here."""
    set_to: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 200))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    processes.allow_open_files(more)
    assert set_to == [(expected, 200)]
