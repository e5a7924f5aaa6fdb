"""Replaces the given questions and exemplars with generated ones before the rounds."""

from typing import Any

import polars as pl

from lmsi_kedro.tasks import Tasks


def name_exemplar_sets(given_tasks: Tasks) -> Tasks:
    """Assigns to every in-domain task the exemplar sets that have its name.

    An out-of-domain task uses the sets of the first in-domain task whose given set is the same; if there is no
    such task, it has no exemplars.
    """
    lent = {given_tasks[name].exemplar_set: name for name in reversed(given_tasks.in_domain)}
    lent.pop(None, None)
    return Tasks(
        {
            name: task.model_copy(
                update={"exemplar_set": name if task.in_domain else lent.get(task.exemplar_set)}
            )
            for name, task in given_tasks.root.items()
        }
    )


def replace_unlabeled(
    given_questions: pl.DataFrame, generated_questions: pl.DataFrame
) -> pl.DataFrame:
    """Returns generated questions for training, and the given ones for evaluation and probe."""
    return pl.concat([generated_questions, given_questions.filter(pl.col("split") != "unlabeled")])


def add_funnel(loop_metrics: dict[str, Any], generation_funnel: dict[str, Any]) -> dict[str, Any]:
    """Adds the funnel of the candidates to the metrics."""
    return {**loop_metrics, "generation": generation_funnel}
