"""What every executor offers, and chunks as they are finished."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Protocol

import polars as pl

from lmsi_kedro.engines.chunk import Chunk

Computed = Iterator[tuple[str, pl.DataFrame]]


class Executor(Protocol):
    """Starts what it needs with the first chunk, and keeps it until it is closed."""

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """The missing chunks, in the order in which they are finished."""

    def close(self) -> None: ...


def finished(
    submit: Callable[[str], "Future[pl.DataFrame]"], missing: Sequence[str], width: int
) -> Computed:
    """Chunks as they are finished, `width` submitted at a time: results that wait to be written never pile up."""
    waiting = iter(missing)
    running = {submit(name): name for name in islice(waiting, width)}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            running |= {submit(following): following for following in islice(waiting, 1)}
            yield name, future.result()
