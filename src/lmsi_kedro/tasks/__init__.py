"""What a task is and how its questions become prompts: see `task` and `prompts`."""

from lmsi_kedro.tasks.prompts import STOP, Prompt, render, target
from lmsi_kedro.tasks.task import Exemplar, Task

__all__ = ["STOP", "Exemplar", "Prompt", "Task", "render", "target"]
