"""Parameters of fine-tuning and of the warm start."""

from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from lmsi_kedro.params.base import Params
from lmsi_kedro.params.sizes import LORA_RANK, LORA_RATE, Auto, Sized, size_of, steps_for

Steps = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Objective = Literal["sft", "scpo"]


class LoraParams(Params):
    """Low-rank adapters, trained instead of all weights (Hu et al. 2021); dropout is applied to their input."""

    rank: int = Field(gt=0)
    alpha: float = Field(default=32.0, gt=0, description="the adapter is scaled by alpha / rank")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | list[str] = "all-linear"


class PreferenceParams(Params):
    """The loss of `training.objective: scpo` (arXiv 2411.04109, equation 3)."""

    beta: float = Field(
        default=0.1, gt=0, description="the factor of log-probability ratios in the sigmoid"
    )
    nll: float = Field(
        default=1.0,
        ge=0,
        description="the paper's alpha: the weight of the chosen path's likelihood",
    )


class TrainingParams(Params):
    """Fine-tuning in its own process (paper, section 4, which does not specify optimizer and schedule).

    objective: sft trains on the paths that agree with the vote; scpo trains the model to prefer them to other
    paths.
    """

    objective: Objective = "sft"
    preferences: PreferenceParams = PreferenceParams()
    steps: Steps | Auto
    batch_size: int = Field(gt=0, description="examples per step over all processes")
    learning_rate: Rate | Auto
    warmup_ratio: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    max_grad_norm: float = Field(gt=0)
    seed: int = Field(ge=0)
    processes: int = Field(gt=0, description="on this machine; ignored with a hostfile")
    hostfile: str | None
    zero_stage: Literal[0, 1, 2, 3]
    offload: Literal["none", "optimizer", "all"]
    precision: Literal["auto", "bfloat16", "float32"]
    gradient_accumulation: int = Field(gt=0)
    gradient_checkpointing: bool | Auto
    lora: LoraParams | Auto | None
    checkpoint_every: int = Field(gt=0)

    def adapters(self, model: Sized) -> LoraParams | None:
        """Returns the low-rank adapters that are trained instead of all weights."""
        if self.lora != "auto":
            return self.lora
        return LoraParams(rank=LORA_RANK) if size_of(model).lora else None

    def of(self, model: Sized, examples: int) -> "Training":
        """Returns the same parameters with `auto` resolved for this model and number of examples."""
        steps, rate, lora = self.steps, self.learning_rate, self.adapters(model)
        if steps == "auto":
            steps = size_of(model).steps or steps_for(examples, self.batch_size)
        if rate == "auto":
            rate = size_of(model).learning_rate * (LORA_RATE if lora else 1)
        chosen = {"steps": steps, "learning_rate": rate, "lora": lora}
        if self.gradient_checkpointing == "auto":
            chosen["gradient_checkpointing"] = size_of(model).gradient_checkpointing
        return Training(**self.model_dump() | chosen)

    @model_serializer(mode="wrap")
    def only_what_counts(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omits the parameters of scpo from those of sft, so that they do not affect the digest of an sft job."""
        values: dict[str, Any] = dump(self)
        if self.objective == "sft":
            del values["objective"], values["preferences"]
        return values

    @model_validator(mode="after")
    def stage_fits_precision(self) -> Self:
        """In bfloat16, DeepSpeed's loss is off by 0.17 after 6 steps with stage 0, and under 0.05 with others."""
        if self.zero_stage == 0 and self.precision == "bfloat16":
            raise ValueError("training.zero_stage 0 is for float32; use stage 1 with bfloat16")
        return self

    @model_validator(mode="after")
    def stage_can_offload(self) -> Self:
        """Raises ValueError for an impossible offload: a ZeRO stage can only offload what it shards."""
        if self.zero_stage < {"none": 0, "optimizer": 1, "all": 3}[self.offload]:
            raise ValueError(
                f"training.offload={self.offload} needs zero_stage "
                f"{'3' if self.offload == 'all' else '1 or more'}, not {self.zero_stage}"
            )
        return self


class WarmStartParams(Params):
    """Changes to `training` for the warm start; null changes nothing. The length is given in steps or in epochs.

    Worked examples have no rejected path, so the warm start always has the objective sft.
    """

    steps: Steps | Auto | None
    epochs: float | None = Field(gt=0)
    learning_rate: Rate | Auto | None
    seed: int | None = Field(ge=0)

    def of(self, training: TrainingParams, examples: int) -> TrainingParams:
        """Returns the training parameters with these changes."""
        changed = self.model_dump(exclude={"epochs"}, exclude_none=True) | {"objective": "sft"}
        if self.epochs:
            changed["steps"] = ceil(self.epochs * examples / training.batch_size)
        return training.model_copy(update=changed)

    @model_validator(mode="after")
    def one_length(self) -> Self:
        if self.epochs and self.steps:
            raise ValueError("warm_start_training has steps and epochs: leave one of them null")
        return self


class Training(TrainingParams):
    """Training parameters with `auto` resolved, as the trainer expects them."""

    steps: Steps
    learning_rate: Rate
    gradient_checkpointing: bool
    lora: LoraParams | None
