"""The interface of executors, and a function that yields chunks as they finish."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Protocol

import polars as pl

from lmsi_kedro.engines.chunk import Chunk

Computed = Iterator[tuple[str, pl.DataFrame]]


class Executor(Protocol):
    """Computes chunks; it starts its workers or servers with the first chunk and ends them when it is closed."""

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks, each as soon as it is finished."""

    def close(self) -> None: ...


def finished(
    submit: Callable[[str], "Future[pl.DataFrame]"], missing: Sequence[str], width: int
) -> Computed:
    """Yields chunks as they finish; at most `width` are in flight, so unwritten results never pile up."""
    waiting = iter(missing)
    running = {submit(name): name for name in islice(waiting, width)}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            running |= {submit(following): following for following in islice(waiting, 1)}
            yield name, future.result()
