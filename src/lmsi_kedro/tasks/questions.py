"""Ids, exemplar sets and prompts of the questions in a table."""

import hashlib
import json
from collections.abc import Iterator
from itertools import cycle

import polars as pl

from lmsi_kedro.params import Format
from lmsi_kedro.tasks.prompts import AS_IN_PAPER, ZERO_SHOT, Question, render, usable, words_of
from lmsi_kedro.tasks.task import Exemplar, Task

PATHS_PER_SET = 2  # PAPER, section 5.2: 40 paths from 20 generated prompts
ExemplarSets = dict[str, list[Exemplar]]


def with_ids(raw: pl.DataFrame) -> pl.DataFrame:
    """Adds question_id, a hash of task and content."""
    content = raw.select("task", "question", "context", "choices").iter_rows()
    return raw.with_columns(
        question_id=pl.Series([question_id(*row) for row in content], dtype=pl.String)
    )


def question_id(task: str, question: str, context: str | None, choices: list[str] | None) -> str:
    """Returns 16 hex digits; the same question has a different id in another task."""
    content = [task, question, choices or [], *([context] if context else [])]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()


def questions_in(questions: pl.DataFrame) -> list[Question]:
    """Returns the question of each row in a table."""
    return [
        Question(*row) for row in questions.select("question", "context", "choices").iter_rows()
    ]


def exemplar_sets(exemplars: pl.DataFrame, task: Task) -> ExemplarSets:
    """Returns the exemplar sets of a task by name: the set that it names, or all sets "name/..." of a folder.

    A task without exemplar_set has an empty set called "none". Raises ValueError if no set has the name.
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
    """Returns the exemplars of a task's first set, for callers that need only one set."""
    return next(iter(exemplar_sets(exemplars, task).values()))


def prompts_of(
    questions: pl.DataFrame,
    prompt_format: Format,
    exemplars: list[Exemplar],
    task: Task = AS_IN_PAPER,
) -> dict[str, str]:
    """Returns the prompt of every question_id; the prompts are zero-shot if there are no exemplars."""
    prompt_format = usable(prompt_format, exemplars)
    pairs = zip(questions["question_id"], questions_in(questions), strict=True)
    return {
        question_id: render(prompt_format, each, exemplars, task) for question_id, each in pairs
    }


def prompts_alike(
    questions: pl.DataFrame,
    prompt_format: Format,
    exemplars: list[Exemplar],
    task: Task = AS_IN_PAPER,
) -> list[dict[str, str]]:
    """Groups the prompts of `prompts_of` by their exemplars; a prompt lacks an exemplar equal to its question."""
    shown = {words_of(shot) for shot in exemplars if prompt_format in ZERO_SHOT}
    prompts = prompts_of(questions, prompt_format, exemplars, task)
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for (question_id, prompt), question in zip(
        prompts.items(), questions_in(questions), strict=True
    ):
        left_out = words_of(question) if words_of(question) in shown else ()
        groups.setdefault(left_out, {})[question_id] = prompt
    return list(groups.values())


def prompts_of_sets(
    questions: pl.DataFrame, exemplars: pl.DataFrame, task: Task
) -> Iterator[dict[str, str]]:
    """Yields a task's few-shot chain-of-thought prompts with each of its sets, in groups with a common prefix."""
    for shots in exemplar_sets(exemplars, task).values():
        yield from prompts_alike(questions, "few_shot_cot", shots, task)


def spread(
    questions: pl.DataFrame,
    prompt_format: Format,
    sets: ExemplarSets,
    m: int,
    task: Task = AS_IN_PAPER,
) -> Iterator[tuple[str, range, dict[str, str]]]:
    """Yields (exemplar set, path indices, prompts with a common prefix): m paths per question, sets in turn.

    If m is raised, every path keeps its set and thus its chunk (paper, section 5.2: 40 paths, 20 sets).
    """
    size = PATHS_PER_SET if len(sets) > 1 else m
    groups = {
        name: prompts_alike(questions, prompt_format, shots, task) for name, shots in sets.items()
    }
    for first, name in zip(range(0, m, size), cycle(sets), strict=False):
        for prompts in groups[name]:
            yield name, range(first, min(first + size, m)), prompts
