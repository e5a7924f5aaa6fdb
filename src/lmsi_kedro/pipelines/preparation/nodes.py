"""Gives every question its id, task and split, and checks what people wrote before anything is computed."""

import logging
from collections.abc import Callable
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import PreparationParams
from lmsi_kedro.tasks import Exemplar, Task, Tasks
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from lmsi_kedro.tasks.inference import infer_kind
from lmsi_kedro.tasks.questions import with_ids

log = logging.getLogger(__name__)
Loaders = dict[str, Callable[[], Any]]


def choose_tasks(raw_questions: pl.DataFrame, raw_exemplars: Loaders, declared: Tasks) -> Tasks:
    """tasks: one for every name in the questions, in their order; an undeclared one is inferred, and said."""
    chosen = {}
    for (name,), rows in raw_questions.partition_by("task", as_dict=True).items():
        task = declared.root.get(str(name)) or known(str(name)) or inferred(str(name), rows)
        if task.exemplar_set is None and any(each.split("/")[0] == name for each in raw_exemplars):
            task = task.model_copy(update={"exemplar_set": name})
        chosen[str(name)] = task
    return Tasks(chosen)


def known(name: str) -> Task | None:
    """The task of a public benchmark."""
    return BENCHMARKS[name].task if name in BENCHMARKS else None


def inferred(name: str, rows: pl.DataFrame) -> Task:
    """The task of questions that no task was declared for."""
    answers = rows["answer"].drop_nulls().explode().to_list()
    kind, reason = infer_kind(
        rows["question"].to_list(), answers, not rows["choices"].is_null().all()
    )
    log.info(
        "Task %s: kind of answer %s, since %s; set another by tasks.%s.kind",
        name,
        kind,
        reason,
        name,
    )
    return Task(kind=kind)


def prepare_questions(
    raw_questions: pl.DataFrame, tasks: Tasks, preparation: PreparationParams
) -> pl.DataFrame:
    """questions, without their answers; one that is there twice is kept once."""
    check_choices(raw_questions, tasks)
    table = in_splits(with_ids(raw_questions), preparation)
    once = table.unique(["question_id", "split"], maintain_order=True)
    if (doubles := once.filter(pl.col("question_id").is_duplicated())).height:
        raise ValueError(f"questions: {doubles['question'][0]!r} is in more than one split")
    if copies := table.height - once.height:
        log.warning("%d questions are there more than once; each was kept once", copies)
    for name in tasks.in_domain:
        if once.filter(task=name, split="held_out").is_empty():
            log.warning(
                "Task %s has no labeled held-out question: nothing is measured for it", name
            )
    return once.select(*schemas.QUESTIONS)


def in_splits(table: pl.DataFrame, preparation: PreparationParams) -> pl.DataFrame:
    """The table with a split in every row: its own, or by a hash of the question if it has an answer."""
    place = pl.col("question_id").str.slice(0, 8).str.to_integer(base=16) / 2**32
    held_out, probe = preparation.held_out_share, preparation.probe_share
    drawn = (
        pl.when(pl.col("answer").is_null())
        .then(pl.lit("unlabeled"))
        .when(place < held_out)
        .then(pl.lit("held_out"))
        .when(place < held_out + probe)
        .then(pl.lit("probe"))
        .otherwise(pl.lit("unlabeled"))
    )
    return table.with_columns(split=pl.col("split").fill_null(drawn))


def check_choices(raw_questions: pl.DataFrame, tasks: Tasks) -> None:
    """ValueError when a multiple-choice question has no choices."""
    multiple = [name for name, task in tasks.root.items() if task.kind == "choice"]
    wrong = raw_questions.filter(pl.col("task").is_in(multiple), pl.col("choices").is_null())
    if wrong.height:
        raise ValueError(
            f"questions: {wrong.height:,} of kind choice have no choices, such as {wrong['question'][0]!r}"
        )


def prepare_labels(raw_questions: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """labels of held-out and probe questions. Nothing that trains a model may read this table."""
    asked = questions.filter(pl.col("split") != "unlabeled")
    table = answered(raw_questions, asked)
    if (doubles := table.filter(pl.col("question_id").is_duplicated())).height:
        raise ValueError(
            f"questions: {doubles['question'][0]!r} is there twice with different answers"
        )
    unlabeled = asked.join(table, on="question_id", how="anti")
    if unlabeled.height:
        raise ValueError(
            f"questions: no answer to {unlabeled['question'][0]!r}, which is "
            f"{unlabeled['split'][0]}"
        )
    return table.select(*schemas.LABELS)


def prepare_gold_labels(raw_questions: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """gold_labels of the unlabeled questions to which the file has one answer: for the control arm gold alone."""
    known = answered(raw_questions, questions.filter(split="unlabeled"))
    return known.filter(~pl.col("question_id").is_duplicated()).select(*schemas.LABELS)


def answered(raw_questions: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The rows of these questions that have an answer, as `answers`; one with two of them is there twice."""
    table = with_ids(raw_questions).rename({"answer": "answers"}).drop_nulls("answers")
    known = table.join(asked, on="question_id", how="semi", maintain_order="left")
    return known.unique(["question_id", "answers"], maintain_order=True)


def prepare_exemplars(raw_exemplars: Loaders) -> pl.DataFrame:
    """exemplars from one file per set, in the order of the file."""
    rows = []
    for name, load in sorted(raw_exemplars.items()):
        for number, entry in enumerate(load(), start=1):
            try:
                exemplar = Exemplar.model_validate(entry)
            except ValueError as error:
                raise ValueError(f"exemplars {name}, entry {number}: {error}") from None
            rows.append({"exemplar_set": name, **exemplar.model_dump()})
    return pl.DataFrame(rows, schema=schemas.EXEMPLARS)


def start_accumulation() -> pl.DataFrame:
    """examples_0: none; every round adds its own."""
    return schemas.empty(schemas.EXAMPLES)


def prepare(
    raw_questions: pl.DataFrame, raw_exemplars: Loaders, params: dict[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame, Tasks]:
    """prepared_questions, exemplars and tasks, for those who look at a run before it is started."""
    tasks = choose_tasks(raw_questions, raw_exemplars, params["tasks"])
    questions = prepare_questions(raw_questions, tasks, params["preparation"])
    return questions, prepare_exemplars(raw_exemplars), tasks
