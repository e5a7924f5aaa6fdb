"""Pre-training as a node; `mini_world.pretraining` does the work."""

from pathlib import Path

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import PretrainingParams


def pretrain_model(pretraining: PretrainingParams, workspace: str) -> Model:
    """Tokenizer and model, trained on documents of the mini world; resumes when interrupted."""
    from lmsi_kedro.mini_world.pretraining import pretrain

    return Model.at(pretrain(pretraining, Path(workspace)))
