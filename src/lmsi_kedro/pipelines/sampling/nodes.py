"""Plans the paths to sample; the dataset `paths` computes what it does not have yet."""

from collections.abc import Iterator
from itertools import cycle
from sys import intern

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Format, PathParams, VotingParams
from lmsi_kedro.pipelines.voting.nodes import read_texts
from lmsi_kedro.tasks import Asked, Exemplar, Prompt, Task, Tasks, render, usable

PATHS_PER_SET = 2  # PAPER, section 5.2: 40 paths of 20 generated prompts
ExemplarSets = dict[str, list[Exemplar]]


def plan_paths(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    paths: PathParams,
    engine: EngineParams,
    voting: VotingParams,
    round: int = 1,
) -> Plan:
    """m few-shot chain-of-thought paths for the unlabeled questions of every in-domain task.

    Their answers are read while they come in: for the progress, and with `early_stop` to find decided questions.
    """

    def read(chunk: pl.DataFrame) -> pl.DataFrame:
        return pl.concat(read_texts([chunk], questions, tasks, voting))

    plan = Plan(model.path, model.digest, engine, read, paths.early_stop)
    for name in tasks.in_domain:
        asked = questions.filter(task=name, split="unlabeled").head(paths.questions_per_task)
        sets = exemplar_sets(exemplars, tasks[name])
        for exemplar_set, indices, prompts in spread(asked, "few_shot_cot", sets, paths.m):
            plan.add(prompts, indices, paths.of_round(round), {"exemplar_set": exemplar_set})
    if not plan.chunks:
        raise ValueError("questions: no in-domain task has a question in the split 'unlabeled'")
    return plan


def exemplar_sets(exemplars: pl.DataFrame, task: Task) -> ExemplarSets:
    """The sets of a task by name: the one it names, or all "name/..." of a folder; none has no exemplars.

    ValueError if there is none of that name.
    """
    if task.exemplar_set is None:
        return {"none": []}
    name = pl.col("exemplar_set")
    named = exemplars.filter(
        (name == task.exemplar_set) | name.str.starts_with(f"{task.exemplar_set}/")
    )
    if named.is_empty():
        raise ValueError(f"exemplars: the set {task.exemplar_set!r} is empty or has no file")
    sets: ExemplarSets = {}
    for row in named.iter_rows(named=True):
        sets.setdefault(row.pop("exemplar_set"), []).append(Exemplar.model_validate(row))
    return sets


def exemplars_of(exemplars: pl.DataFrame, task: Task) -> list[Exemplar]:
    """The exemplars of a task where one set is enough: its first one."""
    return next(iter(exemplar_sets(exemplars, task).values()))


def spread(
    questions: pl.DataFrame, format: Format, sets: ExemplarSets, m: int
) -> Iterator[tuple[str, range, dict[str, Prompt]]]:
    """exemplar set, path indices and prompts of m paths per question, which take turns over the sets.

    A larger m later keeps the set of every path, and so its chunks (paper, section 5.2: 40 paths, 20 sets).
    """
    size = PATHS_PER_SET if len(sets) > 1 else m
    prompts = {name: prompts_of(questions, format, shots) for name, shots in sets.items()}
    for first, name in zip(range(0, m, size), cycle(sets), strict=False):
        yield name, range(first, min(first + size, m)), prompts[name]


def prompts_of(
    questions: pl.DataFrame, format: Format, exemplars: list[Exemplar]
) -> dict[str, Prompt]:
    """The prompt of every question_id; zero-shot where there are no exemplars."""
    prompts = {}
    for question_id, asked in zip(questions["question_id"], asked_in(questions), strict=True):
        prompt = render(usable(format, exemplars), asked, exemplars)
        # One text in memory for all questions: 20,000 copies of eight exemplars would take 70 MB.
        prompts[question_id] = Prompt(intern(prompt.shared), prompt.own)
    return prompts


def prompts_of_sets(
    questions: pl.DataFrame, exemplars: pl.DataFrame, task: Task
) -> list[dict[str, Prompt]]:
    """The few-shot chain-of-thought prompts of a task's questions, for each of its exemplar sets."""
    sets = exemplar_sets(exemplars, task)
    return [prompts_of(questions, "few_shot_cot", shots) for shots in sets.values()]


def asked_in(questions: pl.DataFrame) -> list[Asked]:
    """What each row of a table of questions asks."""
    return [Asked(*row) for row in questions.select("question", "context", "choices").iter_rows()]
