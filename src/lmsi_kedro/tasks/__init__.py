"""Tasks and the prompts for their questions: see `task` and `prompts`."""

from lmsi_kedro.tasks.prompts import (
    Question,
    few_shot,
    render,
    target,
    usable,
    words_of,
    written,
)
from lmsi_kedro.tasks.task import Exemplar, Kind, Task, Tasks

__all__ = [
    "Exemplar",
    "Kind",
    "Question",
    "Task",
    "Tasks",
    "few_shot",
    "render",
    "target",
    "usable",
    "words_of",
    "written",
]
