"""The interface of executors, and a function that yields chunks as they finish."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
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
    submit: Callable[[int, str], "Future[pl.DataFrame]"],
    following: Callable[[int], str | None],
    slots: int,
) -> Computed:
    """Yields chunks as they finish; submit(slot, name) begins the one that following(slot) names, None at the end.

    A slot gets a chunk only when it is free. So unwritten results never pile up, and no chunk waits for a busy
    worker while another one is idle.
    """
    running: dict[Future[pl.DataFrame], tuple[int, str]] = {}

    def feed(slot: int) -> None:
        if (name := following(slot)) is not None:
            running[submit(slot, name)] = slot, name

    for slot in range(slots):
        feed(slot)
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            slot, name = running.pop(future)
            table = future.result()
            feed(slot)
            yield name, table


def in_turn(names: Sequence[str]) -> Callable[[int], str | None]:
    """The argument `following` for executors in which any slot may compute any chunk."""
    waiting = iter(names)
    return lambda slot: next(waiting, None)
