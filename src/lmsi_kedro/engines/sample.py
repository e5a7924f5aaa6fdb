"""The node that samples: whatever is planned, chunk by chunk, but for what is stored already."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from datetime import date
from typing import Protocol

import polars as pl

from lmsi_kedro.engines.plan import Plan


class Stored(Protocol):
    """Chunks by address, as the dataset has them at this moment."""

    def writing(self) -> AbstractContextManager[None]: ...

    def missing(self, addresses: Sequence[str]) -> list[str]: ...

    def tables(self, addresses: Sequence[str]) -> Iterator[pl.DataFrame]: ...


def sample(
    plan: Plan, stored: Stored, first_day: date
) -> Iterator[dict[str, pl.DataFrame] | tuple[str, list[str]]]:
    """{address: table} of every chunk that is not stored, as finished; last the plan's address and its chunks'.

    With early stop, a stage's paths decide what the next stage samples. They are the same however many of them
    were stored, so a resumed run samples what one run would have.
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
