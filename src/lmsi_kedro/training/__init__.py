"""Fine-tuning in its own processes: from examples and a base model to a checked model directory.

`job` writes down what is to be done, `launcher` runs it and reports, `trainer` does it with
DeepSpeed. Knows nothing of Kedro, of rounds, or of where examples come from.
"""

from lmsi_kedro.training.job import Job, TrainingError
from lmsi_kedro.training.launcher import train

__all__ = ["Job", "TrainingError", "train"]
