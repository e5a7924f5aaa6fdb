"""Computes chunks in worker processes on this machine, which share its GPUs."""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed, finished
from lmsi_kedro.engines.executors.worker import sample
from lmsi_kedro.hardware import visible_gpus
from lmsi_kedro.params import EngineParams
from lmsi_kedro.parent import end_with


class Processes:
    """`engine.executor=processes`: starts one process per worker; the workers end when this process ends."""

    def __init__(self, model: Path, engine: EngineParams) -> None:
        self.model, self.engine = model, engine
        self.pool: ProcessPoolExecutor | None = None

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks; ChildProcessError if a worker was killed."""
        pool = self.started()
        try:
            yield from finished(
                lambda name: pool.submit(sample, str(self.model), self.engine, chunks[name]),
                missing,
                2 * self.engine.workers,  # so that every worker has a next chunk waiting
            )
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a sampling worker died, most likely because memory ran out: lower engine.workers or "
                "engine.rows and run again; finished chunks are kept"
            ) from error

    def started(self) -> ProcessPoolExecutor:
        """The pool, which starts another process only if no process is idle when a chunk is submitted."""
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


def start_worker(parent: int, started: Any) -> None:
    """Make this worker end with its parent, end silently on Ctrl-C, and use the next GPU if there are any."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with(parent)
    with started.get_lock():
        number, started.value = started.value, started.value + 1
    if gpus := visible_gpus():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
