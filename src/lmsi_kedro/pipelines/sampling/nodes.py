"""Plans the paths to sample; the dataset `paths` computes what it does not have yet."""

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Format, PathParams, VotingParams
from lmsi_kedro.pipelines.voting.nodes import read_texts
from lmsi_kedro.tasks import Asked, Exemplar, Prompt, Task, Tasks, render, usable


def plan_paths(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    paths: PathParams,
    engine: EngineParams,
    voting: VotingParams,
) -> Plan:
    """m few-shot chain-of-thought paths for the unlabeled questions of every in-domain task.

    Their answers are read while they come in: for the progress, and with `early_stop` to find decided questions.
    """

    def read(chunk: pl.DataFrame) -> pl.DataFrame:
        return pl.concat(read_texts([chunk], questions, tasks, voting))

    plan = Plan(model.path, model.digest, engine, read, paths.early_stop)
    for name in tasks.in_domain:
        asked = questions.filter(task=name, split="unlabeled").head(paths.questions_per_task)
        shots = exemplars_of(exemplars, tasks[name])
        columns = {"exemplar_set": tasks[name].exemplar_set or "none"}
        plan.add(prompts_of(asked, "few_shot_cot", shots), paths.m, paths.sampling, columns)
    if not plan.chunks:
        raise ValueError("questions: no in-domain task has a question in the split 'unlabeled'")
    return plan


def exemplars_of(exemplars: pl.DataFrame, task: Task) -> list[Exemplar]:
    """The exemplars of a task; ValueError if its set is empty."""
    if task.exemplar_set is None:
        return []
    rows = exemplars.filter(exemplar_set=task.exemplar_set).drop("exemplar_set")
    if rows.is_empty():
        raise ValueError(f"exemplars: the set {task.exemplar_set!r} is empty or has no file")
    return [Exemplar.model_validate(row) for row in rows.iter_rows(named=True)]


def prompts_of(
    questions: pl.DataFrame, format: Format, exemplars: list[Exemplar]
) -> dict[str, Prompt]:
    """The prompt of every question_id; zero-shot where there are no exemplars."""
    rows = questions.select("question_id", "question", "context", "choices").iter_rows()
    prompts, shared = {}, dict[str, str]()
    for question_id, *content in rows:
        prompt = render(usable(format, exemplars), Asked(*content), exemplars)
        # One text in memory for all questions: 20,000 copies of eight exemplars would take 70 MB.
        prompts[question_id] = Prompt(shared.setdefault(prompt.shared, prompt.shared), prompt.own)
    return prompts
