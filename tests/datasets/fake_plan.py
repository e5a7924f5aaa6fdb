"""A plan whose chunks need no model, for tests of stores."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl


@dataclass
class FakePlan:
    """A plan with chunks of one row; it stops after `lives` chunks, as a killed run would."""

    names: list[str]
    lives: int = 99
    computed: list[str] = field(default_factory=list)
    following: "FakePlan | None" = None
    seen: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def address(self) -> str:
        return "-".join(self.names)

    @property
    def chunks(self) -> dict[str, str]:
        return {name: name for name in self.names}

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        for name in reversed(missing):
            if len(self.computed) == self.lives:
                raise KeyboardInterrupt
            self.computed.append(name)
            yield name, pl.DataFrame({"question_id": [name], "path": [0]})

    def on(self, day: date) -> "FakePlan":
        return self

    def then(self, paths: Iterable[pl.DataFrame]) -> "FakePlan | None":
        self.seen = [table["question_id"][0] for table in paths]
        return self.following

    def close(self) -> None:
        self.closed = True
