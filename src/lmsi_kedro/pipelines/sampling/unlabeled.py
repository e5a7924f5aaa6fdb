"""The unlabeled questions of which paths are sampled."""

import logging

import polars as pl

from lmsi_kedro.printable import counted

log = logging.getLogger(__name__)


def first_unlabeled(questions: pl.DataFrame, task: str, most: int) -> pl.DataFrame:
    """Returns the first unlabeled questions of a task, at most `most`; logs whether there are more."""
    unlabeled = questions.filter(task=task, split="unlabeled")
    if unlabeled.height > most:
        log.info(
            "Task %s: only the first %s of %s are sampled; paths.questions_per_task sets their number",
            *(task, f"{most:,}", counted(unlabeled.height, "unlabeled question")),
        )
    return unlabeled.head(most)
