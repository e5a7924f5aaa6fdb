"""How paths are drawn, how many, and where."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lmsi_kedro.hardware import cpu_has_bfloat16, gpus
from lmsi_kedro.params.base import Params, of_round
from lmsi_kedro.params.servers import LaunchParams, ServerParams
from lmsi_kedro.params.sizes import Auto, Sized, Tokens, tokens_for

Temperature = Annotated[float, Field(ge=0)]


class SamplingParams(Params):
    """How a path's tokens are drawn. Temperature 0 is greedy; 0 or 1 switch a filter off."""

    temperature: Temperature
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    min_p: float = Field(default=0.0, ge=0, lt=1)
    max_new_tokens: Tokens | Auto
    seed: int = Field(ge=0)

    def of(self, model: Sized) -> "Sampling":
        """With what `auto` stands for."""
        tokens = tokens_for(self.max_new_tokens, model)
        return Sampling(**self.model_dump() | {"max_new_tokens": tokens})


class Sampling(SamplingParams):
    """The same, decided: what engines take."""

    max_new_tokens: Tokens


class PathParams(Params):
    """The sampling step: m paths per unlabeled question (paper, section 3.1).

    early_stop is the confidence at which a question's majority counts as decided and the rest of its m paths is
    saved (Adaptive-Consistency, Aggarwal et al. 2023, Beta criterion); None draws them all. temperatures has one
    value per round instead of sampling.temperature (B-STaR, arXiv 2412.17256); the last stands for later rounds.
    """

    m: int = Field(gt=0)
    sampling: SamplingParams
    questions_per_task: int = Field(gt=0)
    temperatures: list[Temperature] | None = Field(default=None, min_length=1)
    early_stop: float | None = Field(default=None, gt=0.5, lt=1)

    def of_round(self, round: int, model: Sized) -> Sampling:
        """How the paths of a round are drawn; rounds are counted from 1."""
        sampling = self.sampling.of(model)
        if self.temperatures is None:
            return sampling
        return sampling.model_copy(update={"temperature": of_round(self.temperatures, round)})


class PromptParams(Params):
    """What a chat template is given beside the question."""

    system: str | None = Field(default=None, description="a system turn")
    date: dt.date | None = Field(
        default=None, description="of templates that tell it; None: of the run's first preparation"
    )


class Conversation(PromptParams):
    """How a model is asked: in the turns of its chat template (auto), or in plain text.

    thoughts of thinking models are dropped from the text of a path, or kept: they are then trained too.
    """

    chat: Literal["auto", "never"] = "auto"
    thoughts: Literal["drop", "keep"] = "drop"


class EngineParams(Params):
    """Where paths are computed, and how a model is given its text."""

    executor: Literal["processes", "ray", "server", "launch"]
    ray_address: str | None
    workers: int = Field(gt=0)
    dtype: Literal["auto", "bfloat16", "float32"]
    paths_per_chunk: int = Field(gt=0, description="stored together, and lost at most by a kill")
    rows: int | None = Field(gt=0, description="paths decoded at a time; None: by free memory")
    chat: Literal["auto", "never"]
    thoughts: Literal["drop", "keep"] = "drop"
    prompts: PromptParams = PromptParams()
    trust_remote_code: bool
    skip_too_long: bool
    server: ServerParams | None = None
    launch: LaunchParams | None = None

    @model_validator(mode="after")
    def server_is_told(self) -> Self:
        if self.executor == "server" and self.server is None:
            raise ValueError("engine.executor=server needs engine.server: urls, model and revision")
        if self.executor == "launch" and self.launch is None:
            raise ValueError("engine.executor=launch needs engine.launch: server and folder")
        return self

    @property
    def is_served(self) -> bool:
        """Whether paths come from servers, which decode as they like, in memory of their own."""
        return self.executor in ("server", "launch")

    @property
    def conversation(self) -> Conversation:
        return Conversation(chat=self.chat, thoughts=self.thoughts, **self.prompts.model_dump())

    @property
    def identity(self) -> dict[str, Any]:
        """What of this decides the text of a path: it is part of every chunk's address."""
        asked = self.conversation.model_dump(mode="json")
        if self.executor == "server" and self.server:
            return {"server": self.server.model, **asked}
        if self.executor == "launch" and self.launch:
            return {"launch": self.launch.command, "dtype": self.number_format, **asked}
        return {"dtype": self.number_format, "rows": str(self.rows), **asked}

    @property
    def number_format(self) -> Literal["bfloat16", "float32"]:
        """bfloat16 on GPUs and on processors that compute in it, unless dtype says otherwise."""
        if self.dtype != "auto":
            return self.dtype
        return "bfloat16" if gpus() or cpu_has_bfloat16() else "float32"
