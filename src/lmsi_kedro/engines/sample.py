"""The node that samples those chunks of a plan that are not stored yet."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from datetime import date
from typing import Protocol

import polars as pl

from lmsi_kedro.engines.plan import Plan


class Stored(Protocol):
    """The interface of a store of chunks; it also gives access to chunks that were saved since it was loaded."""

    def writing(self) -> AbstractContextManager[None]: ...

    def missing(self, addresses: Sequence[str]) -> list[str]: ...

    def tables(self, addresses: Sequence[str]) -> Iterator[pl.DataFrame]: ...


def sample_paths(
    plan: Plan, stored: Stored, first_day: date
) -> Iterator[dict[str, pl.DataFrame] | tuple[str, list[str]]]:
    """Yields {address: table} for each missing chunk, and finally the addresses of the plan and of all its chunks.

    With early stopping, the paths of a stage determine what the next stage samples. Stored paths count like new
    ones, so a resumed run samples the same paths as an uninterrupted one.
    """
    addresses: list[str] = []
    plan = plan.on(first_day)
    stage: Plan | None = plan
    with stored.writing(), closing(plan):
        while stage is not None:
            chunks = list(stage.chunks)
            for address, table in stage.compute(stored.missing(chunks)):
                yield {address: table}
            addresses += chunks
            stage = stage.then(stored.tables(chunks))
        yield plan.address, addresses
