"""Gives every question its id and its task, and checks what people wrote."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.tasks import Exemplar, Tasks
from lmsi_kedro.tasks.prompts import LETTERS

SPLITS = ("unlabeled", "held_out", "probe")


def choose_tasks(raw_questions: pl.DataFrame, declared: Tasks) -> Tasks:
    """tasks: those declared that have questions, in the order of the questions."""
    asked = raw_questions["task"].unique(maintain_order=True).to_list()
    unknown = [name for name in asked if name not in declared.root]
    if unknown:
        first = raw_questions.filter(task=unknown[0])["question"][0]
        raise ValueError(
            f"questions: task {unknown[0]!r} is not one of {', '.join(declared.root)} "
            f"(question {first!r})"
        )
    return Tasks({name: declared[name] for name in asked})


def prepare_questions(raw_questions: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """questions, without their answers; one asked twice is kept once, if both are in one split."""
    unknown = raw_questions.filter(~pl.col("split").is_in(list(SPLITS)))
    if unknown.height:
        raise ValueError(
            f"questions: split {unknown['split'][0]!r} is not one of {', '.join(SPLITS)} "
            f"(question {unknown['question'][0]!r})"
        )
    check_choices(raw_questions, tasks)
    for name in tasks.in_domain:
        held_out = raw_questions.filter(task=name, split="held_out")
        if held_out.is_empty():
            raise ValueError(f"questions: task {name!r} has no question in the split 'held_out'")
    table = with_ids(raw_questions).unique(["question_id", "split"], maintain_order=True)
    if (doubles := table.filter(pl.col("question_id").is_duplicated())).height:
        raise ValueError(f"questions: {doubles['question'][0]!r} is in more than one split")
    return table.select(*schemas.QUESTIONS)


def check_choices(raw_questions: pl.DataFrame, tasks: Tasks) -> None:
    """ValueError when a multiple-choice question has no choices, or more than there are letters."""
    multiple = [name for name, task in tasks.root.items() if task.kind == "choice"]
    counts = pl.col("choices").list.len().fill_null(0)
    wrong = raw_questions.filter(
        pl.col("task").is_in(multiple), ~counts.is_between(2, len(LETTERS))
    )
    if wrong.height:
        raise ValueError(f"questions: {wrong['question'][0]!r} needs 2 to {len(LETTERS)} choices")


def prepare_labels(raw_questions: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """labels of held-out and probe questions. Nothing that trains a model may read this table."""
    table = with_ids(raw_questions).rename({"answer": "answers"})
    table = table.drop_nulls("answers").unique(["question_id", "answers"], maintain_order=True)
    if (doubles := table.filter(pl.col("question_id").is_duplicated())).height:
        raise ValueError(
            f"questions: {doubles['question'][0]!r} is there twice with different answers"
        )
    asked = questions.filter(pl.col("split") != "unlabeled")
    unlabeled = asked.join(table, on="question_id", how="anti")
    if unlabeled.height:
        raise ValueError(f"questions: no answer to {unlabeled['question'][0]!r}")
    return table.join(asked, on="question_id", how="semi").select(*schemas.LABELS)


def prepare_exemplars(raw_exemplars: dict[str, Callable[[], Any]]) -> pl.DataFrame:
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


def with_ids(raw: pl.DataFrame) -> pl.DataFrame:
    """Adds question_id, a hash of task and content."""
    content = raw.select("task", "question", "context", "choices").iter_rows()
    return raw.with_columns(
        question_id=pl.Series([question_id(*row) for row in content], dtype=pl.String)
    )


def question_id(task: str, question: str, context: str | None, choices: list[str] | None) -> str:
    """16 hex digits; the same question in another task is another question."""
    content = [task, question, choices or [], *([context] if context else [])]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
