"""Computes chunks in worker processes on this machine, which share its GPUs."""

import os
import resource
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed, finished
from lmsi_kedro.engines.executors.schedule import Schedule
from lmsi_kedro.engines.executors.worker import sample
from lmsi_kedro.hardware import visible_gpus
from lmsi_kedro.params import EngineParams
from lmsi_kedro.parent import end_with

CONTEXT = get_context("spawn")
FILES = 8  # open files per worker: the pipes of its pool


class Processes:
    """`engine.executor=processes`: starts one process per worker; the workers end when this process ends."""

    def __init__(self, model: Path, engine: EngineParams) -> None:
        self.model, self.engine = model, engine
        self.started = Started(engine.workers)

    @cached_property
    def workers(self) -> list[ProcessPoolExecutor]:
        """A pool of one process for each worker, so that a chunk can be given to a certain worker.

        The process starts with its first chunk.
        """
        allow_open_files(FILES * self.engine.workers)
        return [
            ProcessPoolExecutor(
                1,
                mp_context=CONTEXT,
                initializer=start_worker,
                initargs=(os.getpid(), number, self.started),
            )
            for number in range(self.engine.workers)
        ]

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks; ChildProcessError if a worker was killed."""
        workers = self.workers
        try:
            yield from finished(
                lambda worker, name: workers[worker].submit(
                    sample, str(self.model), self.engine, chunks[name]
                ),
                Schedule(chunks, missing, len(workers)).next,
                len(workers),
            )
        except BrokenProcessPool as error:
            self.started.end()  # `close` would wait for their chunks
            raise ChildProcessError(
                "a sampling worker died, most likely because memory ran out: lower engine.workers or "
                "engine.rows and run again; finished chunks are kept"
            ) from error

    def close(self) -> None:
        for pool in vars(self).pop("workers", []):
            pool.shutdown(cancel_futures=True)


class Started:
    """The ids of the workers' processes, in shared memory without a lock that a killed one could hold."""

    def __init__(self, workers: int) -> None:
        self.pids = CONTEXT.RawArray("i", workers)
        self.ended = CONTEXT.RawValue("b", 0)

    def add(self, number: int) -> None:
        """Adds this process; ends it if the others have been ended."""
        self.pids[number] = os.getpid()
        if self.ended.value:
            os._exit(1)

    def end(self) -> None:
        """Ends all workers at once, also those that are still starting."""
        self.ended.value = 1
        for pid in filter(None, list(self.pids)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def allow_open_files(more: int) -> None:
    """Raises this process's limit of open files by this number, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = soft + more if hard == resource.RLIM_INFINITY else min(soft + more, hard)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def start_worker(parent: int, number: int, started: Started) -> None:
    """Make this worker end with its parent, end silently on Ctrl-C, and use the next GPU if there are any."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with(parent)
    started.add(number)
    if gpus := visible_gpus():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
