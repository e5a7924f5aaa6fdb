"""Fine-tuning in its own processes: from examples and a base model to a checked model directory.

`job` stores the inputs, `launcher` starts the processes and logs their progress, and `trainer`, which runs in
them, trains with DeepSpeed.
"""

from lmsi_kedro.training.job import Job, TrainingError
from lmsi_kedro.training.launcher import train

__all__ = ["Job", "TrainingError", "train"]
