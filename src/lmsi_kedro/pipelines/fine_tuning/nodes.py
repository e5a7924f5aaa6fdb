"""Fine-tuning as a node: a job in, a model out; `training` does the work."""

from pathlib import Path

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, TrainingParams
from lmsi_kedro.training import Job, train


def fine_tune(
    examples: pl.DataFrame,
    base_model: Model,
    training: TrainingParams,
    engine: EngineParams,
    workspace: str,
) -> Model:
    """The base model trained on the examples (paper, section 3.3); a finished job is reused."""
    job = Job.write(
        Path(workspace),
        examples,
        base_model.path,
        base_model.digest,
        training,
        engine.chat,
        engine.trust_remote_code,
    )
    return Model.at(train(job))
