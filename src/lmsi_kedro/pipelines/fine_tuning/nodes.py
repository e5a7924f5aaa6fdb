"""Chooses the training settings and runs the trainer (`lmsi_kedro.training`)."""

import logging
from datetime import date
from pathlib import Path

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.architecture import with_date
from lmsi_kedro.params import EngineParams, Training, TrainingParams
from lmsi_kedro.training import Job, train

log = logging.getLogger(__name__)


def choose_training(
    examples: pl.DataFrame, base_model: Model, training: TrainingParams
) -> Training:
    """Resolves the parameters that are `auto` from the model's size and the number of examples."""
    chosen = training.of(base_model, examples.height)
    log.info(
        "Training: %d steps with %d of the %s examples each (%.1f epochs), learning rate %g, %s",
        chosen.steps,
        chosen.batch_size,
        f"{examples.height:,}",
        chosen.steps * chosen.batch_size / max(1, examples.height),
        chosen.learning_rate,
        f"LoRA of rank {chosen.lora.rank}" if chosen.lora else "all weights",
    )
    return chosen


def fine_tune(
    examples: pl.DataFrame,
    base_model: Model,
    training: Training,
    engine: EngineParams,
    workspace: str,
    first_day: date,
) -> Model:
    """Trains the base model on the examples (paper, section 3.3), or reuses a finished job.

    Examples without a rejected path, such as those of control arms, are always trained with the objective sft.
    """
    if "rejected" not in examples.columns:
        training = training.model_copy(update={"objective": "sft"})
    job = Job.write(
        Path(workspace),
        examples,
        base_model.path,
        base_model.digest,
        training,
        with_date(engine, base_model.path, first_day).conversation,
        engine.trust_remote_code,
    )
    return Model.at(train(job))
