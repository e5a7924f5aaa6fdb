"""Assigns an id, a task and a split to every question, and checks the user's files before anything is computed."""

import logging
from collections.abc import Callable
from typing import Any

import polars as pl
from kedro.io import DatasetError
from pydantic import ValidationError
from yaml import MarkedYAMLError

from lmsi_kedro import schemas
from lmsi_kedro.params import PreparationParams, PromptParams
from lmsi_kedro.pipelines.preparation.labels import places
from lmsi_kedro.printable import counted
from lmsi_kedro.tasks import Exemplar, Kind, Task, Tasks
from lmsi_kedro.tasks.answers import check_reader, is_reader
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from lmsi_kedro.tasks.inference import are_verdicts_as_numbers, infer_kind
from lmsi_kedro.tasks.questions import with_ids

log = logging.getLogger(__name__)
AS_TEXT = PromptParams()
Loaders = dict[str, Callable[[], Any]]


def choose_tasks(
    raw_questions: pl.DataFrame,
    raw_exemplars: Loaders,
    declared: Tasks,
    prompts: PromptParams = AS_TEXT,
) -> Tasks:
    """Returns one task per task name in the questions, in order; undeclared settings are inferred and logged.

    Tasks with unlabeled questions are in domain unless they are declared otherwise.
    """
    turns = {"exemplars": "turns"} if prompts.exemplars == "turns" else {}
    sets = {name.split("/")[0] for name in raw_exemplars}
    chosen = {}
    for (name,), rows in raw_questions.partition_by("task", as_dict=True).items():
        task = str(name)
        settings = declared.root.get(task, Task()).model_dump(exclude_unset=True)
        benchmark = BENCHMARKS[task].task.model_dump() if task in BENCHMARKS else {}
        shots = next((each for each in (task, benchmark.get("exemplar_set")) if each in sets), None)
        found = {"exemplar_set": shots, "in_domain": has_unlabeled(rows), **turns, **settings}
        if "kind" not in settings:
            found["kind"] = inferred(task, rows)
        chosen[task] = Task.model_validate(found)
        if is_reader(kind := chosen[task].kind):
            check_reader(kind, rows["answer"].drop_nulls().explode().to_list())
    return Tasks(chosen)


def has_unlabeled(rows: pl.DataFrame) -> bool:
    """Returns whether any of these questions may be used as unlabeled, which includes a row without a split."""
    return bool((rows["split"].fill_null("unlabeled") == "unlabeled").any())


def inferred(task: str, rows: pl.DataFrame) -> Kind:
    """Infers the kind of answer of an undeclared task from the benchmark with its name, or from its rows."""
    if task in BENCHMARKS:
        kind, reason = BENCHMARKS[task].task.kind, "a public benchmark has this name"
    else:
        answers = rows["answer"].drop_nulls().explode().to_list()
        questions = rows["question"].to_list()
        has_choices = not rows["choices"].is_null().all()
        if not has_choices and are_verdicts_as_numbers(questions, answers):
            raise ValueError(
                f"questions: the labels of task {task} are 0 and 1, but its questions ask for yes or no: "
                f"write yes and no, or set tasks.{task}.kind=number"
            )
        kind, reason = infer_kind(questions, answers, has_choices)
    log.info(
        "Task %s: kind of answer %s, since %s; set another one with tasks.%s.kind",
        *(task, kind, reason, task),
    )
    return kind


def prepare_questions(
    checked_questions: pl.DataFrame, tasks: Tasks, preparation: PreparationParams
) -> pl.DataFrame:
    """Assigns ids and splits to the questions, and drops their answers and duplicates."""
    check_choices(checked_questions, tasks)
    table = in_splits(with_ids(checked_questions), preparation)
    once = table.unique(["question_id", "split"], maintain_order=True)
    if (doubles := once.filter(pl.col("question_id").is_duplicated())).height:
        first = doubles.filter(question_id=doubles["question_id"][0])
        raise ValueError(f"{places(first)}: {first['question'][0]!r} is in more than one split")
    if copies := table.height - once.height:
        log.warning("Dropped %s", counted(copies, "duplicate question"))
    for name in tasks.in_domain:
        if once.filter(task=name, split="held_out").is_empty():
            log.warning(
                "Task %s has no labeled held-out question: nothing is measured for it", name
            )
    return once.select(*schemas.QUESTIONS)


def in_splits(table: pl.DataFrame, preparation: PreparationParams) -> pl.DataFrame:
    """Fills in missing splits: by a hash for labeled questions, and `unlabeled` for the others."""
    place = pl.col("question_id").str.slice(0, 8).str.to_integer(base=16) / 2**32
    held_out, probe = preparation.held_out_share, preparation.probe_share
    split = (
        pl.when(pl.col("answer").is_null())
        .then(pl.lit("unlabeled"))
        .when(place < held_out)
        .then(pl.lit("held_out"))
        .when(place < held_out + probe)
        .then(pl.lit("probe"))
        .otherwise(pl.lit("unlabeled"))
    )
    return table.with_columns(split=pl.col("split").fill_null(split))


def check_choices(checked_questions: pl.DataFrame, tasks: Tasks) -> None:
    """Raises ValueError if a multiple-choice question has no choices."""
    multiple = [name for name, task in tasks.root.items() if task.kind == "choice"]
    wrong = checked_questions.filter(pl.col("task").is_in(multiple), pl.col("choices").is_null())
    if wrong.height:
        raise ValueError(
            f"{places(wrong.head(1))}: the question has no choices, but its task {wrong['task'][0]} is of kind "
            f"choice ({counted(wrong.height, 'question')} without choices)"
        )


def prepare_exemplars(raw_exemplars: Loaders) -> pl.DataFrame:
    """Reads the exemplars from one file per set, in the order of the file."""
    rows = []
    for name, load in sorted(raw_exemplars.items()):
        try:
            entries = load()
        except DatasetError as error:
            raise ValueError(f"exemplars {name}: {cause_of(error.__cause__)}") from None
        if not isinstance(entries, list):
            raise ValueError(f"exemplars {name}: the file must be a list of worked questions")
        for number, entry in enumerate(entries, start=1):
            try:
                exemplar = Exemplar.model_validate(entry)
            except ValidationError as error:
                raise ValueError(f"exemplars {name}, entry {number}: {faults(error)}") from None
            rows.append({"exemplar_set": name, **exemplar.model_dump()})
    return pl.DataFrame(rows, schema=schemas.EXEMPLARS)


def cause_of(error: BaseException | None) -> str:
    """Returns the cause of a file that cannot be parsed in one line, with the position in the file."""
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark):
        around = f" ({error.context})" if error.context else ""
        place = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
        return f"invalid YAML in {place}: {error.problem}{around}"
    return " ".join(str(error).split())


def faults(error: ValidationError) -> str:
    """Lists the faults in one line, such as "answer: Input should be a valid string"."""
    found = ((".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors())
    return "; ".join(f"{place}: {what}" if place else what for place, what in found)


def start_accumulation() -> pl.DataFrame:
    """Returns an empty table, examples_0, to which every round adds its examples."""
    return schemas.empty(schemas.EXAMPLES)
