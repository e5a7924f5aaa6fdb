"""What all parameter models share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Params(BaseModel):
    """Base of all parameter models: immutable, unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
