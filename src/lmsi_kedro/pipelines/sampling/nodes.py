"""Plans the paths to sample; the dataset `paths` computes what it does not have yet."""

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Format, PathParams
from lmsi_kedro.tasks import Exemplar, Prompt, Tasks, render


def plan_paths(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    paths: PathParams,
    engine: EngineParams,
) -> Plan:
    """m few-shot chain-of-thought paths for the unlabeled questions of every in-domain task."""
    plan = Plan(model.path, model.digest, engine)
    for name in tasks.in_domain:
        asked = questions.filter(task=name, split="unlabeled").head(paths.questions_per_task)
        shots = exemplars_of(exemplars, tasks[name].exemplar_set)
        columns = {"exemplar_set": tasks[name].exemplar_set}
        plan.add(prompts_of(asked, "few_shot_cot", shots), paths.m, paths.sampling, columns)
    if not plan.chunks:
        raise ValueError("questions: no in-domain task has a question in the split 'unlabeled'")
    return plan


def exemplars_of(exemplars: pl.DataFrame, exemplar_set: str) -> list[Exemplar]:
    """The exemplars of a set; ValueError if there are none."""
    rows = exemplars.filter(exemplar_set=exemplar_set).drop("exemplar_set")
    if rows.is_empty():
        raise ValueError(f"exemplars: the set {exemplar_set!r} is empty or has no file")
    return [Exemplar.model_validate(row) for row in rows.iter_rows(named=True)]


def prompts_of(
    questions: pl.DataFrame, format: Format, exemplars: list[Exemplar]
) -> dict[str, Prompt]:
    """The prompt of every question_id."""
    rows = questions.select("question_id", "question", "choices").iter_rows()
    return {
        question_id: render(format, question, choices, exemplars)
        for question_id, question, choices in rows
    }
