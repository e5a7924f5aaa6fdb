"""Resolves `auto` parameters from the size of the model, and the number of steps from the number of examples."""

from dataclasses import dataclass
from math import ceil, inf
from typing import Annotated, Literal, Protocol

from pydantic import Field

Auto = Literal["auto"]
Tokens = Annotated[int, Field(gt=0)]
# LoRA of any rank learns best at ten times the rate of full fine-tuning (Schulman 2025, "LoRA Without Regret").
LORA_RATE = 10
LORA_RANK = 16
MOST_STEPS = 10_000  # PAPER, section 4
# Measured: the accuracy of SmolLM2-135M on three sets of word problems rose from .02-.12 to .31 after 60 steps at
# 1e-4, which are 5 epochs of 400 labeled problems.
FEW_STEPS, MOST_EPOCHS = 60, 5


class Sized(Protocol):
    """A model with a known number of parameters."""

    @property
    def parameters(self) -> int: ...


@dataclass(frozen=True)
class Size:
    """Settings for models up to this size; steps is None if it depends on the number of examples."""

    parameters: float
    max_new_tokens: int
    learning_rate: float
    lora: bool
    # Measured: two processes that train SmolLM2-135M on prompts of 800 tokens ran out of memory on a machine with
    # 24 GB; with gradient checkpointing of what does not fit they take 7 to 8 GB together, and 5 GB at least.
    gradient_checkpointing: bool = True
    steps: int | None = None


SIZES = (
    # The embedded models (docs/experiments.md): their longest answer has 65 tokens, and on two families of
    # questions 150 steps gain 20 points, 250 steps 30.
    Size(
        10e6,
        max_new_tokens=96,
        learning_rate=3e-4,
        lora=False,
        gradient_checkpointing=False,
        steps=250,
    ),
    # The 256 new tokens of this and all larger sizes are from PAPER, section 4; 97 % of SmolLM2-135M's paths end
    # earlier, with and without a chat template. The learning rate is that of the measurement above.
    Size(500e6, max_new_tokens=256, learning_rate=1e-4, lora=False),
    # The learning rate of Tülu 2 (arXiv 2311.10702) and Alpaca for 7 billion parameters.
    Size(3e9, max_new_tokens=256, learning_rate=2e-5, lora=False),
    # The learning rate of Alpaca for 13 and of Tülu 2 for 70 billion parameters. Full fine-tuning would need 18
    # bytes per parameter, which exceeds the 80 GB of one GPU from about 4 billion parameters.
    Size(inf, max_new_tokens=256, learning_rate=1e-5, lora=True),
)


def size_of(model: Sized) -> Size:
    """Returns the entry of SIZES for a model."""
    return next(size for size in SIZES if model.parameters <= size.parameters)


def tokens_for(setting: int | Auto, model: Sized) -> int:
    """Returns the given maximum number of new tokens or, if it is auto, the maximum for the model's size."""
    return size_of(model).max_new_tokens if setting == "auto" else setting


def steps_for(examples: int, batch_size: int) -> int:
    """Returns the steps of one epoch, at most MOST_STEPS; if few, FEW_STEPS, but at most MOST_EPOCHS epochs."""
    epoch = max(1, ceil(examples / batch_size))
    few = min(FEW_STEPS, MOST_EPOCHS * epoch)
    return min(max(epoch, few), MOST_STEPS)
