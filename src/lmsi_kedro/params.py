"""Typed parameters: one frozen model per `params:` entry; Kedro builds them before any node runs.

An unknown or ill-typed field stops the run with its name. Defaults live in conf/base/parameters.yml, each
with its source, so that there is one place to read them.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lmsi_kedro.hardware import cpu_has_bfloat16, gpus

Format = Literal["few_shot_cot", "few_shot_direct", "zero_shot_cot", "zero_shot_direct"]

Mode = Literal[
    "standard", "cot_greedy", "self_consistency", "self_consistency_raised", "zero_shot_direct",
    "zero_shot_cot",
]  # fmt: skip

Share = Annotated[float, Field(ge=0, le=1)]
Guard = Literal["none", "probe"]


class Params(BaseModel):
    """Base of all parameter models: immutable, unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sampling(Params):
    """How a path's tokens are drawn. Temperature 0 is greedy; 0 or 1 switch a filter off."""

    temperature: float = Field(ge=0)
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    min_p: float = Field(default=0.0, ge=0, lt=1)
    max_new_tokens: int = Field(gt=0)
    seed: int = Field(ge=0)


class PreparationParams(Params):
    """How labeled questions that name no split are divided; by a hash of the question, so never anew."""

    held_out_share: Share
    probe_share: Share

    @model_validator(mode="after")
    def shares_fit(self) -> Self:
        if self.held_out_share + self.probe_share > 1:
            raise ValueError("preparation: held_out_share and probe_share sum to more than 1")
        return self


class PublicTasksParams(Params):
    """Which public benchmarks the pipeline public_tasks makes the question file of."""

    names: list[str] = Field(min_length=1)
    rows_per_split: int | None = Field(gt=0, description="null: as many as the paper used")


class PathParams(Params):
    """The sampling step: m paths per unlabeled question (paper, section 3.1)."""

    m: int = Field(gt=0)
    sampling: Sampling
    questions_per_task: int = Field(gt=0)


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


class VotingParams(Params):
    """How answers are read and winners kept (paper, section 3.1).

    A question's winner is kept if its confidence is in [min_confidence, max_confidence]. min_confidence may be a
    list, one value per round; the last one stands for all later rounds.
    """

    rule: Literal["trigger", "trigger_or_last"]
    ties: Literal["abstain", "logprob"]
    min_confidence: Share | list[Share]
    max_confidence: Share
    max_paths_per_question: int = Field(gt=0)
    seed: int = Field(ge=0)

    def threshold(self, round: int) -> float:
        """The min_confidence of a round, which are counted from 1."""
        if isinstance(self.min_confidence, list):
            return self.min_confidence[min(round, len(self.min_confidence)) - 1]
        return self.min_confidence

    @field_validator("min_confidence")
    @classmethod
    def not_empty(cls, value: float | list[float]) -> float | list[float]:
        if value == []:
            raise ValueError("voting.min_confidence is an empty list; give one value per round")
        return value


class MixingParams(Params):
    """How kept paths become training examples (paper, section 3.2 and table 1).

    parts: the formats' parts of the mixture, 0 leaves a format out. balance: none weighs every example by its
    format's part; rows and tokens also make up for formats that have fewer examples or shorter targets.
    direct: the k paths of a question give k equal direct examples; once keeps one, weight keeps one that counts
    k times, copies keeps all. exemplars: those of training prompts, in another order or some of them.
    """

    parts: dict[Format, Annotated[float, Field(ge=0)]]
    balance: Literal["none", "rows", "tokens"]
    direct: Literal["once", "weight", "copies"]
    exemplars: Literal["same", "shuffled", "dropped"]
    seed: int = Field(ge=0)

    @property
    def formats(self) -> list[Format]:
        return [format for format, part in self.parts.items() if part > 0]

    @model_validator(mode="after")
    def has_a_format(self) -> Self:
        if not self.formats:
            raise ValueError("mixing.parts: every part is 0, so there is nothing to train on")
        return self


class LoraParams(Params):
    """Low-rank adapters instead of all weights (Hu et al. 2021); dropout acts on their input."""

    rank: int = Field(gt=0)
    alpha: float = Field(default=32.0, gt=0, description="the adapter is scaled by alpha / rank")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | list[str] = "all-linear"


class TrainingParams(Params):
    """Fine-tuning in its own process (paper, section 4; PAPER silent on optimizer and schedule)."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0, description="examples per step over all processes")
    learning_rate: float = Field(gt=0)
    warmup_ratio: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    max_grad_norm: float = Field(gt=0)
    seed: int = Field(ge=0)
    processes: int = Field(gt=0, description="of this machine; a hostfile's slots instead of it")
    hostfile: str | None
    zero_stage: Literal[0, 1, 2, 3]
    offload: Literal["none", "optimizer", "all"]
    precision: Literal["auto", "bfloat16", "float32"]
    gradient_accumulation: int = Field(gt=0)
    gradient_checkpointing: bool
    lora: LoraParams | None
    checkpoint_every: int = Field(gt=0)

    @model_validator(mode="after")
    def stage_fits_precision(self) -> Self:
        """DeepSpeed's stage 0 in bfloat16 is off by 0.17 in loss after 6 steps, others by < 0.05."""
        if self.zero_stage == 0 and self.precision == "bfloat16":
            raise ValueError("training.zero_stage 0 is for float32; use stage 1 with bfloat16")
        return self

    @model_validator(mode="after")
    def stage_can_offload(self) -> Self:
        """What a stage does not divide, it cannot move to main memory either."""
        if self.zero_stage < {"none": 0, "optimizer": 1, "all": 3}[self.offload]:
            raise ValueError(
                f"training.offload={self.offload} needs zero_stage "
                f"{'3' if self.offload == 'all' else '1 or more'}, not {self.zero_stage}"
            )
        return self


class EvaluationParams(Params):
    """What is measured before and after a round (paper, section 4)."""

    modes: list[Mode]
    greedy_questions: int = Field(gt=0, description="per task")
    voted_questions: int = Field(gt=0, description="per task")
    m: int = Field(gt=0)
    temperature: float = Field(gt=0)
    raised_temperature: float = Field(gt=0, description="of self_consistency_raised")
    max_new_tokens: int = Field(gt=0)
    seed: int = Field(ge=0)


class MonitorParams(Params):
    """When a round counts as collapsed; every limit compares its model with the one before."""

    questions_per_task: int = Field(gt=0)
    m: int = Field(gt=0)
    min_winner_entropy: float = Field(ge=0, le=1, description="share of the entropy before")
    min_distinct_paths: float = Field(ge=0, le=1, description="share of the share before")
    min_length: float = Field(ge=0, le=1, description="share of the tokens per path before")
    max_length: float = Field(ge=1, description="multiple of the tokens per path before")
    max_unreadable_rise: float = Field(ge=0, le=1, description="in shares of all paths")
    max_accuracy_fall: float = Field(ge=0, le=1, description="on the probe; guard=probe only")
    on_alarm: Literal["roll_back", "stop"]


class PretrainingParams(Params):
    """The embedded base model and its training."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    steps: int = Field(gt=0)
    batch: int = Field(gt=0, description="blocks per step")
    block: int = Field(gt=0, description="tokens per block")
    learning_rate: float = Field(gt=0)
    log_every: int = Field(gt=0)
    checkpoint_every: int = Field(gt=0)
    seed: int = Field(ge=0)


class WorldParams(Params):
    """How many embedded questions of each split, per task."""

    seed: int = Field(ge=0)
    unlabeled: int = Field(gt=0)
    held_out: int = Field(gt=0)
    probe: int = Field(gt=0)
    exemplars: int = Field(gt=0)
