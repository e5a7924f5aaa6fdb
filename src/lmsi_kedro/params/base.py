"""The base of all parameter models."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


def of_round(schedule: Sequence[float], round_number: int) -> float:
    """Returns the value of a round, counted from 1; the last value applies to all later rounds."""
    return schedule[min(round_number, len(schedule)) - 1]


class Params(BaseModel):
    """The base of all parameter models: they are immutable, and unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
