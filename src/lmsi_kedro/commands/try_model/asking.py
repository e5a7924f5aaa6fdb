"""Prepares one question in the same way as a run: its task, its prompt, and the parsing of its answers."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.architecture import with_date
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.params.mistakes import unknown
from lmsi_kedro.pipelines.preparation.nodes import choose_tasks, prepare_exemplars
from lmsi_kedro.reading import read_texts
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from lmsi_kedro.tasks.questions import exemplars_of, prompts_of, with_ids

UNNAMED = "question"  # the task of a question if none is given


@dataclass(frozen=True)
class Asking:
    """One question for a model: `questions` has one row, and the prompt is few-shot if the task has exemplars."""

    questions: pl.DataFrame
    tasks: Tasks
    prompt: str

    def read(self, paths: pl.DataFrame, voting: Any) -> pl.DataFrame:
        """Returns the paths with their parsed answers."""
        return pl.concat(read_texts([paths], self.questions, self.tasks, voting))

    def sample(self, model: Model, params: dict[str, Any]) -> Iterator[pl.DataFrame]:
        """Samples m paths with the settings of `params:paths`, and yields each path as soon as it is complete."""
        import torch

        if not torch.cuda.is_available():  # otherwise DeepSpeed prints that it found no GPU
            os.environ.setdefault("DS_ACCELERATOR", "cpu")
        from lmsi_kedro.engines.local import LocalEngine

        paths = params["paths"]
        engine = with_date(params["engine"], model.path, date.today())
        dtype = getattr(torch, engine.number_format)
        local = LocalEngine(
            model.path, dtype, engine.conversation, engine.trust_remote_code, rows=paths.m
        )
        request = Request(self.questions["question_id"][0], self.prompt, range(paths.m))
        return local.stream(request, paths.sampling.of(model))


def question_in_run(
    task: str | None,
    question: str,
    context: str | None,
    choices: Sequence[str] | None,
    catalog: Any,
    params: dict[str, Any],
) -> Asking:
    """Prepares a question with the tasks of the stored run, if any; raises ValueError for an unknown task."""
    stored = tasks_of_run(catalog)
    names = [*stored.root, *params["tasks"].root, *BENCHMARKS]
    if task is not None and task not in names:
        raise ValueError(unknown("--task", task, set(names)))
    name = task or (next(iter(stored.root)) if len(stored.root) == 1 else UNNAMED)
    row = {"task": name, "question": question, "context": context, "choices": choices}
    return question_as({**dict.fromkeys(schemas.RAW_QUESTIONS), **row}, catalog, params)


def question_as(row: dict[str, Any], catalog: Any, params: dict[str, Any]) -> Asking:
    """Prepares a row of raw_questions; its kind of answer is that of the stored run, or is inferred."""
    loaders, stored, name = catalog.load("raw_exemplars"), tasks_of_run(catalog), row["task"]
    raw = with_ids(pl.DataFrame([row], schema=schemas.RAW_QUESTIONS))
    tasks = stored
    if name not in stored.root:
        tasks = choose_tasks(raw, loaders, params["tasks"], params["engine"].prompts)
    if tasks[name].kind == "choice" and not row["choices"]:
        raise ValueError(
            f"the task {name} is multiple choice: give its options, --choices TEXT TEXT"
        )
    shots = exemplars_of(prepare_exemplars(loaders), tasks[name])
    (prompt,) = prompts_of(raw, "few_shot_cot", shots, tasks[name]).values()
    return Asking(raw, tasks, prompt)


def tasks_of_run(catalog: Any) -> Tasks:
    """Returns the tasks of the run in data_root; the result is empty if there is none."""
    found: Tasks = catalog.load("tasks") if catalog.exists("tasks") else Tasks({})
    return found
