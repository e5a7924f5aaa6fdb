"""Parameters of sampling: decoding, the number of paths, prompts and engines."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lmsi_kedro.hardware import cpu_has_bfloat16, gpus
from lmsi_kedro.params.base import Params, of_round
from lmsi_kedro.params.servers import LaunchParams, ServerParams
from lmsi_kedro.params.sizes import Auto, Sized, Tokens, tokens_for

Temperature = Annotated[float, Field(ge=0)]


class SamplingParams(Params):
    """How the tokens of a path are sampled. Temperature 0 is greedy; the default of a filter switches it off."""

    temperature: Temperature
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    min_p: float = Field(default=0.0, ge=0, lt=1)
    max_new_tokens: Tokens | Auto
    seed: int = Field(ge=0)

    def of(self, model: Sized) -> "Sampling":
        """Returns the same parameters with `auto` resolved for the model."""
        tokens = tokens_for(self.max_new_tokens, model)
        return Sampling(**self.model_dump() | {"max_new_tokens": tokens})


class Sampling(SamplingParams):
    """SamplingParams with `auto` resolved, as engines expect them."""

    max_new_tokens: Tokens


class PathParams(Params):
    """The sampling step: m paths per unlabeled question (paper, section 3.1).

    early_stop is the confidence at which a question's majority counts as decided, so that sampling stops early
    (Adaptive-Consistency, Aggarwal et al. 2023, Beta criterion); None samples all m paths. temperatures has one
    value per round in place of sampling.temperature (B-STaR, arXiv 2412.17256); the last applies to later rounds.
    """

    m: int = Field(gt=0)
    sampling: SamplingParams
    questions_per_task: int = Field(gt=0)
    temperatures: list[Temperature] | None = Field(default=None, min_length=1)
    early_stop: float | None = Field(default=None, gt=0.5, lt=1)

    def sampling_in(self, round_number: int, model: Sized) -> Sampling:
        """Returns the sampling parameters in a round, counted from 1."""
        sampling = self.sampling.of(model)
        if self.temperatures is None:
            return sampling
        return sampling.model_copy(
            update={"temperature": of_round(self.temperatures, round_number)}
        )


class TemplateParams(Params):
    """The arguments of a chat template in addition to the question."""

    system: str | None = Field(default=None, description="a system turn")
    date: dt.date | None = Field(
        default=None, description="for templates that write a date; None: the day of the first run"
    )


class PromptParams(TemplateParams):
    """The template's parameters, and whether exemplars are text in the user's turn or separate turns."""

    exemplars: Literal["text", "turns"] = "text"


class Conversation(TemplateParams):
    """How prompts are written: in the turns of the model's chat template (auto), or in plain text.

    thoughts of thinking models are dropped from the text of a path, or kept and trained on.
    """

    chat: Literal["auto", "never"] = "auto"
    thoughts: Literal["drop", "keep"] = "drop"


class EngineParams(Params):
    """Where paths are computed, and how prompts are written."""

    executor: Literal["processes", "ray", "server", "launch"]
    ray_address: str | None
    workers: int = Field(gt=0)
    dtype: Literal["auto", "bfloat16", "float32", "int8"] = Field(
        description="int8: weights of 8 bits, for sampling with the local engine on a CPU"
    )
    paths_per_chunk: int = Field(
        gt=0, description="paths stored together; a kill loses at most the chunks in progress"
    )
    rows: int | None = Field(gt=0, description="decoding batch size; None: as free memory allows")
    chat: Literal["auto", "never"]
    thoughts: Literal["drop", "keep"] = "drop"
    prompts: PromptParams = PromptParams()
    trust_remote_code: bool
    skip_too_long: bool
    server: ServerParams | None = None
    launch: LaunchParams | None = None

    @model_validator(mode="after")
    def server_is_configured(self) -> Self:
        if self.executor == "server" and self.server is None:
            raise ValueError("engine.executor=server needs engine.server: urls, model and revision")
        if self.executor == "launch" and self.launch is None:
            raise ValueError("engine.executor=launch needs engine.launch: server and folder")
        if self.is_served and self.dtype == "int8":
            raise ValueError(
                f"engine.dtype=int8 is for models on this machine's CPU, not for engine.executor={self.executor}; "
                "set engine.dtype=auto, and quantise the model on its server"
            )
        return self

    @property
    def is_served(self) -> bool:
        """Whether paths come from servers, which manage decoding and memory themselves."""
        return self.executor in ("server", "launch")

    @property
    def conversation(self) -> Conversation:
        # `exemplars` is left out, because it already shows in the prompts.
        template = self.prompts.model_dump(exclude={"exemplars"})
        return Conversation(chat=self.chat, thoughts=self.thoughts, **template)

    @property
    def identity(self) -> dict[str, Any]:
        """The settings that affect the text of a path; they are part of every chunk's address."""
        conversation = self.conversation.model_dump(mode="json")
        if self.executor == "server" and self.server:
            return {"server": self.server.model, **conversation}
        if self.executor == "launch" and self.launch:
            command = self.launch.command
            return {"launch": command, "dtype": self.number_format, **conversation}
        return {"dtype": self.number_format, "rows": str(self.rows), **conversation}

    @property
    def number_format(self) -> Literal["bfloat16", "float32", "int8"]:
        """bfloat16 on GPUs and on CPUs with native support, unless dtype is set."""
        if self.dtype != "auto":
            return self.dtype
        return "bfloat16" if gpus() or cpu_has_bfloat16() else "float32"
