"""Parameters of the questions and their splits."""

from typing import Self

from pydantic import Field, model_validator

from lmsi_kedro.params.base import Params, Share


class PreparationParams(Params):
    """How labeled questions without a split are divided; a hash of the question makes this deterministic."""

    held_out_share: Share
    probe_share: Share

    @model_validator(mode="after")
    def shares_fit(self) -> Self:
        if self.held_out_share + self.probe_share > 1:
            raise ValueError("preparation: held_out_share and probe_share sum to more than 1")
        return self


class PublicTasksParams(Params):
    """The public benchmarks from which the pipeline public_tasks makes the question file."""

    names: list[str] = Field(min_length=1)
    rows_per_split: int | None = Field(gt=0, description="null: as many as the paper used")
