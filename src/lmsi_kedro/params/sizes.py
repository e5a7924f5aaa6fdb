"""Resolves parameters that are `auto` by the model's size, and the number of steps by that of the examples."""

from dataclasses import dataclass
from math import ceil, inf
from typing import Annotated, Literal, Protocol

from pydantic import Field

Auto = Literal["auto"]
Tokens = Annotated[int, Field(gt=0)]
# LoRA learns best at ten times the rate of full fine-tuning at any rank (Schulman 2025, "LoRA Without Regret").
LORA_RATE = 10
LORA_RANK = 16
MOST_STEPS = 10_000  # PAPER, section 4
# Measured: SmolLM2-135M, right in .02 to .12 of three sets of word problems, is in .31 after 60 steps at 1e-4,
# 5 epochs of 400 labeled ones.
FEW_STEPS, MOST_EPOCHS = 60, 5


class Sized(Protocol):
    """A model with a known number of parameters."""

    @property
    def parameters(self) -> int: ...


@dataclass(frozen=True)
class Size:
    """Settings for models up to this size; steps is None if the number of examples decides."""

    parameters: float
    max_new_tokens: int
    learning_rate: float
    lora: bool
    # Seen: without it two processes that train SmolLM2-135M on prompts of 800 tokens are killed on a machine
    # of 24 GB; with it all that runs there takes 5 to 7 GB.
    gradient_checkpointing: bool = True
    steps: int | None = None


SIZES = (
    # The embedded models, measured (docs/experiments.md): their longest answer has 65 tokens; on two families
    # 150 steps gain 20 points, 250 steps 30.
    Size(
        10e6,
        max_new_tokens=96,
        learning_rate=3e-4,
        lora=False,
        gradient_checkpointing=False,
        steps=250,
    ),
    # From here on PAPER, section 4: 256 new tokens (97 % of SmolLM2-135M's paths end within them, plain and as
    # chat). The rate is that of the measurement above.
    Size(500e6, max_new_tokens=256, learning_rate=1e-4, lora=False),
    # Tülu 2 (arXiv 2311.10702) and Alpaca train 7 billion parameters at 2e-5.
    Size(3e9, max_new_tokens=256, learning_rate=2e-5, lora=False),
    # Alpaca trains 13 billion, Tülu 2 70 billion at 1e-5. All weights would need 18 bytes a parameter, more than
    # the 80 GB of one GPU from about 4 billion on.
    Size(inf, max_new_tokens=256, learning_rate=1e-5, lora=True),
)


def size_of(model: Sized) -> Size:
    """The entry of SIZES for a model."""
    return next(size for size in SIZES if model.parameters <= size.parameters)


def tokens_for(given: int | Auto, model: Sized) -> int:
    """The given maximum number of new tokens, or that for the model's size."""
    return size_of(model).max_new_tokens if given == "auto" else given


def steps_for(examples: int, batch_size: int) -> int:
    """One epoch; with few examples up to FEW_STEPS in at most MOST_EPOCHS, and never more than MOST_STEPS."""
    epoch = max(1, ceil(examples / batch_size))
    few = min(FEW_STEPS, MOST_EPOCHS * epoch)
    return min(max(epoch, few), MOST_STEPS)
