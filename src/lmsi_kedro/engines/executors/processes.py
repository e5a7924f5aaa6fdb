"""Computes chunks in worker processes on this machine, which share its GPUs."""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed
from lmsi_kedro.engines.executors.schedule import Schedule, scheduled
from lmsi_kedro.engines.executors.worker import sample
from lmsi_kedro.hardware import visible_gpus
from lmsi_kedro.params import EngineParams
from lmsi_kedro.parent import end_with


class Processes:
    """`engine.executor=processes`: starts one process per worker; the workers end when this process ends."""

    def __init__(self, model: Path, engine: EngineParams) -> None:
        self.model, self.engine = model, engine
        self.context = get_context("spawn")
        self.pids = self.context.Array("i", engine.workers)  # 0 for a worker that has not started

    @cached_property
    def workers(self) -> list[ProcessPoolExecutor]:
        """A pool of one process for each worker, so that a chunk can be given to a certain worker.

        The process starts with its first chunk.
        """
        return [
            ProcessPoolExecutor(
                1,
                mp_context=self.context,
                initializer=start_worker,
                initargs=(os.getpid(), number, self.pids),
            )
            for number in range(self.engine.workers)
        ]

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks; ChildProcessError if a worker was killed."""
        workers = self.workers
        try:
            yield from scheduled(
                lambda worker, name: workers[worker].submit(
                    sample, str(self.model), self.engine, chunks[name]
                ),
                Schedule(chunks, missing, len(workers)),
                len(workers),
            )
        except BrokenProcessPool as error:
            self.kill()
            raise ChildProcessError(
                "a sampling worker died, most likely because memory ran out: lower engine.workers or "
                "engine.rows and run again; finished chunks are kept"
            ) from error

    def kill(self) -> None:
        """Ends the workers at once; `close` waits for their chunks."""
        for pid in self.pids[:]:
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def close(self) -> None:
        for pool in vars(self).pop("workers", []):
            pool.shutdown(cancel_futures=True)


def start_worker(parent: int, number: int, pids: Any) -> None:
    """Make this worker end with its parent, end silently on Ctrl-C, and use the next GPU if there are any."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with(parent)
    pids[number] = os.getpid()
    if gpus := visible_gpus():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
