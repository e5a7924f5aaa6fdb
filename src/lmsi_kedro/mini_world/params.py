"""Parameters of the embedded world and of its model."""

from pydantic import Field

from lmsi_kedro.params.base import Params


class PretrainingParams(Params):
    """The size of the embedded base model, and its training."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    steps: int = Field(gt=0)
    list_steps: int = Field(ge=0, description="the number of first steps that use short lists")
    batch: int = Field(gt=0, description="blocks per step")
    block: int = Field(gt=0, description="tokens per block")
    learning_rate: float = Field(gt=0)
    log_every: int = Field(gt=0)
    checkpoint_every: int = Field(gt=0)
    seed: int = Field(ge=0)


class WorldParams(Params):
    """The number of embedded questions in each split, per task."""

    seed: int = Field(ge=0)
    unlabeled: int = Field(gt=0)
    held_out: int = Field(gt=0)
    probe: int = Field(gt=0)
    exemplars: int = Field(gt=0)
