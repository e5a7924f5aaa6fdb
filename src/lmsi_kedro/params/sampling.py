"""How paths are drawn, how many, and where."""

from typing import Annotated, Literal

from pydantic import Field

from lmsi_kedro.hardware import cpu_has_bfloat16, gpus
from lmsi_kedro.params.base import Params, of_round

Temperature = Annotated[float, Field(ge=0)]


class Sampling(Params):
    """How a path's tokens are drawn. Temperature 0 is greedy; 0 or 1 switch a filter off."""

    temperature: Temperature
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    min_p: float = Field(default=0.0, ge=0, lt=1)
    max_new_tokens: int = Field(gt=0)
    seed: int = Field(ge=0)


class PathParams(Params):
    """The sampling step: m paths per unlabeled question (paper, section 3.1).

    early_stop is the confidence at which a question's majority counts as decided and the rest of its m paths is
    saved (Adaptive-Consistency, Aggarwal et al. 2023, Beta criterion); None draws them all. temperatures has one
    value per round instead of sampling.temperature (B-STaR, arXiv 2412.17256); the last stands for later rounds.
    """

    m: int = Field(gt=0)
    sampling: Sampling
    questions_per_task: int = Field(gt=0)
    temperatures: list[Temperature] | None = Field(default=None, min_length=1)
    early_stop: float | None = Field(default=None, gt=0.5, lt=1)

    def of_round(self, round: int) -> Sampling:
        """How the paths of a round are drawn; rounds are counted from 1."""
        if self.temperatures is None:
            return self.sampling
        return self.sampling.model_copy(update={"temperature": of_round(self.temperatures, round)})


class EngineParams(Params):
    """Where paths are computed, and how a model is given its text."""

    executor: Literal["processes", "ray"]
    ray_address: str | None
    workers: int = Field(gt=0)
    dtype: Literal["auto", "bfloat16", "float32"]
    rows_per_chunk: int = Field(gt=0)
    chat: Literal["auto", "never"]
    trust_remote_code: bool
    skip_too_long: bool

    @property
    def number_format(self) -> Literal["bfloat16", "float32"]:
        """bfloat16 on GPUs and on processors that compute in it, unless dtype says otherwise."""
        if self.dtype != "auto":
            return self.dtype
        return "bfloat16" if gpus() or cpu_has_bfloat16() else "float32"
