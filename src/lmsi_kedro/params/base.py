"""What all parameter models share."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


def of_round(schedule: Sequence[float], round: int) -> float:
    """The value of a round, which are counted from 1; the last one stands for all later rounds."""
    return schedule[min(round, len(schedule)) - 1]


class Params(BaseModel):
    """Base of all parameter models: immutable, unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
