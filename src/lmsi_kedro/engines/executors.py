"""Where chunks are computed: in processes of this machine, on a Ray cluster, or by servers.

In processes and on Ray the same chunks give the same bytes: a worker loads the model once and keeps it, and which
worker computes a chunk does not matter. What servers promise is said in `server.engine`.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.params import EngineParams

Computed = Iterator[tuple[str, pl.DataFrame]]
_engine: Any = None
_loaded: tuple[str, EngineParams] | None = None


class Executor(Protocol):
    """Starts what it needs with the first chunk, and keeps it until it is closed."""

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """The missing chunks, in the order in which they are finished."""

    def close(self) -> None: ...


def executor(model: Path, digest: str, engine: EngineParams) -> Executor:
    """The one that the parameters name, for a model with this digest."""
    if engine.executor == "processes":
        return Processes(model, engine)
    if engine.executor == "ray":
        return RayTasks(model, engine)
    from lmsi_kedro.engines.server import Servers

    return Servers(model, digest, engine)


class Processes:
    """On this machine: a process per worker, which dies with this one."""

    def __init__(self, model: Path, engine: EngineParams) -> None:
        self.model, self.engine = model, engine
        self.pool: ProcessPoolExecutor | None = None

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """RuntimeError when a worker was killed."""
        pool = self.started()
        try:
            yield from finished(
                lambda name: pool.submit(sample, str(self.model), self.engine, chunks[name]),
                missing,
                2 * self.engine.workers,  # a worker that is done finds the next chunk waiting
            )
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a sampling worker died, most likely because memory ran out: lower engine.workers or "
                "engine.rows and run again; the chunks that are done stay"
            ) from error

    def started(self) -> ProcessPoolExecutor:
        """The pool; it starts a process only for a chunk that finds none idle."""
        if self.pool is None:
            context = get_context("spawn")
            self.pool = ProcessPoolExecutor(
                self.engine.workers,
                mp_context=context,
                initializer=start_worker,
                initargs=(os.getpid(), context.Value("i", 0)),
            )
        return self.pool

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None


def finished(
    submit: Callable[[str], "Future[pl.DataFrame]"], missing: Sequence[str], width: int
) -> Computed:
    """Chunks as they are finished, `width` in the air: what waits to be written never piles up."""
    waiting = iter(missing)
    running = {submit(name): name for name in islice(waiting, width)}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            running |= {submit(following): following for following in islice(waiting, 1)}
            yield name, future.result()


def start_worker(parent: int, started: Any) -> None:
    """Follow the parent, and take the next GPU if there are some."""
    threading.Thread(target=follow, args=(parent,), daemon=True).start()
    with started.get_lock():
        number, started.value = started.value, started.value + 1
    from lmsi_kedro.hardware import visible_gpus

    if gpus := visible_gpus():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]


def follow(parent: int) -> None:
    """End this process soon after its parent: a killed run must not leave workers behind."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class RayTasks:
    """On a Ray cluster, `workers` chunks at a time; what a lost node had in work is computed elsewhere.

    The model's directory must be there under the same path on every node.
    """

    def __init__(self, model: Path, engine: EngineParams) -> None:
        self.model, self.engine = model, engine

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        ray: Any = import_module("ray")
        if not ray.is_initialized():
            ray.init(address=self.engine.ray_address, log_to_driver=False)
        resources = {"num_cpus": 1, "num_gpus": 1 if ray.cluster_resources().get("GPU") else 0}
        remote = ray.remote(sample).options(max_retries=-1, **resources)
        waiting, running = iter(missing), dict[Any, str]()

        def start(count: int) -> None:
            for name in islice(waiting, count):
                running[remote.remote(str(self.model), self.engine, chunks[name])] = name

        start(self.engine.workers)
        while running:
            for reference in ray.wait(list(running))[0]:
                name = running.pop(reference)
                start(1)  # a worker must not wait until this chunk is written
                yield name, ray.get(reference)

    def close(self) -> None:
        """The cluster stays: it may be another one's too."""


def sample(model: str, engine: EngineParams, chunk: Chunk) -> pl.DataFrame:
    """In a worker: the chunk's paths."""
    return chunk.table(loaded(model, engine))


def loaded(model: str, engine: EngineParams) -> Any:
    """The engine of this process, on one thread unless it has a GPU."""
    global _engine, _loaded
    if _loaded != (model, engine):
        # Every length is a shape of its own to oneDNN; its cache of 1,024 took 240 MB of 1,130, as fast as 64.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
        import torch

        torch.set_num_threads(1)
        from lmsi_kedro.engines.local import LocalEngine

        dtype = getattr(torch, engine.number_format)
        assert engine.rows is not None, "a plan gives its workers a number of rows"
        _engine = LocalEngine(
            Path(model), dtype, engine.chat, engine.trust_remote_code, engine.rows
        )
        _loaded = (model, engine)
    return _engine
