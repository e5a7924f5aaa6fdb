"""Converts the user's worked examples for mixing, and separates them from the questions of the loop."""

import logging
import re
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.comparison import Metrics
from lmsi_kedro.params import Training, TrainingParams, WarmStartParams
from lmsi_kedro.pipelines.fine_tuning.nodes import choose_training
from lmsi_kedro.pipelines.preparation.labels import listed, places, read_labels
from lmsi_kedro.pipelines.preparation.nodes import check_choices
from lmsi_kedro.tasks import Task, Tasks, target, written
from lmsi_kedro.tasks.answers import canonical_keys, read_answers
from lmsi_kedro.tasks.overlap import Evaluated
from lmsi_kedro.tasks.questions import exemplar_sets, questions_in, with_ids

log = logging.getLogger(__name__)


def read_worked_examples(raw_worked_examples: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """Returns every row with its task, the answer that its label states, and the text to train on.

    If several answers are accepted, the first is used. Raises ValueError with the lines of the wrong rows.
    """
    placed = with_tasks(raw_worked_examples, tasks)
    check_choices(placed, tasks)
    labeled = with_ids(read_labels(placed, tasks))
    groups = labeled.partition_by("task", as_dict=True).items()
    table = pl.concat(with_texts(rows, tasks[str(task)]) for (task,), rows in groups)
    check_rationales(table)
    check_answers(table)
    once = table.unique(["question_id", "text"], keep="first", maintain_order=True)
    path = pl.int_range(pl.len(), dtype=pl.Int32).over("question_id")
    return once.with_columns(path=path, split=pl.lit("worked")).select(*schemas.WORKED)


def with_tasks(raw: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """Fills in missing tasks if the questions have only one task; raises ValueError for unknown tasks."""
    only = next(iter(tasks.root)) if len(tasks.root) == 1 else None
    table = raw.with_columns(pl.col("task").fill_null(pl.lit(only, pl.String)))
    wrong = table.filter(pl.col("task").is_in(list(tasks.root)).not_().fill_null(True))
    if wrong.is_empty():
        return table
    named = wrong["source"] + ": " + ("its task is " + wrong["task"]).fill_null("it names no task")
    advice = f"The column task must name one of the questions' tasks, {', '.join(tasks.root)}"
    raise ValueError(
        listed(named.to_list(), "worked examples name no task of the questions", advice)
    )


def with_texts(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Adds key, surface and text to the rows of a task; `announced` is the answer that the rationale gives."""
    choices = rows["choices"].to_list() if task.kind == "choice" else None
    surfaces, rationales = rows["answer"].list.first().to_list(), rows["rationale"].to_list()
    keys = canonical_keys(surfaces, task.kind, choices, decimal=task.decimal)
    announced = read_answers(rationales, task.kind, choices, decimal=task.decimal)["key"]
    bare = list(map(without_answer, rationales, surfaces))
    texts = [
        target(written(key, surface, task.kind), steps).strip()
        for key, surface, steps in zip(keys, surfaces, bare, strict=True)
    ]
    return rows.with_columns(
        key=keys,
        announced=announced,
        surface=pl.Series(surfaces, dtype=pl.String),
        rationale=pl.Series(bare, dtype=pl.String),
        text=pl.Series(texts, dtype=pl.String),
    )


def without_answer(rationale: str, surface: str) -> str:
    """Removes a final "#### 18" or "The answer is 18." from a rationale, because `target` adds the answer again.

    The result is empty if the rationale consists of the answer alone.
    """
    end = rf"(?:####|(?:so,? )?the (?:final )?answer is)\W*{re.escape(surface)}\W*\Z"
    bare = re.sub(rf"\s*{end}", "", rationale, flags=re.IGNORECASE).strip()
    return "" if bare == surface else bare


def check_rationales(table: pl.DataFrame) -> None:
    """Raises ValueError if a rationale is only the answer, or announces an answer that differs from its label."""
    wrong = table.filter((pl.col("announced") != pl.col("key")) | (pl.col("rationale") == ""))
    value = {name: pl.col(name).str.split_exact(":", 1).struct[1] for name in ("announced", "key")}
    other = pl.format("the rationale says {}, the answer {}", value["announced"], value["key"])
    reason = (
        pl.when(rationale="").then(pl.lit("the rationale is the answer alone")).otherwise(other)
    )
    named = wrong.select(pl.format("{}: {}", "source", reason)).to_series().to_list()
    if named:
        raise ValueError(
            listed(named, "rationales do not lead to their answers", "Correct or remove it")
        )


def check_answers(table: pl.DataFrame) -> None:
    """Raises ValueError for questions with several answers."""
    doubles = table.unique(["question_id", "key"], maintain_order=True).filter(
        pl.col("question_id").is_duplicated()
    )
    named = [
        f"{places(rows)}: the same question has different answers"
        for rows in doubles.partition_by("question_id", maintain_order=True)
    ]
    if named:
        raise ValueError(listed(named, "questions have different answers", "Keep one of each"))


def leave_out_evaluated(
    worked_examples: pl.DataFrame,
    all_questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    tasks: Tasks,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Drops the worked examples that are held-out or probe questions; returns taught_warm and worked_questions.

    The exemplar sets of a task are assigned to its examples in turn.
    """
    evaluated = Evaluated(questions_in(all_questions.filter(pl.col("split") != "unlabeled")))
    is_evaluated = pl.Series(
        [evaluated.has(question) for question in questions_in(worked_examples)], dtype=pl.Boolean
    )
    kept = worked_examples.filter(~is_evaluated)
    file = file_of(worked_examples)
    if kept.is_empty():
        raise ValueError(
            f"{file}: each of the {worked_examples.height:,} worked examples is a held-out or probe question too, "
            "so none is left for the warm start"
        )
    log.info(
        "Warm start: %s worked examples of %s; %s others are held-out or probe questions, and are left out",
        *(f"{kept.height:,}", file, f"{is_evaluated.sum():,}"),
    )
    sets = {
        name: list(exemplar_sets(exemplars, tasks[name]))
        for name in kept["task"].unique(maintain_order=True)
    }
    shots = [sets[task][n % len(sets[task])] for n, task in enumerate(kept["task"])]
    taught = kept.with_columns(exemplar_set=pl.Series(shots), arm=pl.lit("warm_start"))
    return taught.select(*schemas.SELECTED), kept.unique(
        "question_id", keep="first", maintain_order=True
    ).select(*schemas.QUESTIONS)


def file_of(worked_examples: pl.DataFrame) -> str:
    """Returns the name of the file with the worked examples; a source looks like "worked.jsonl, line 3"."""
    return str(worked_examples["source"][0]).rpartition(", ")[0]


def choose_warm_training(
    mixture: pl.DataFrame,
    base_model: Model,
    training: TrainingParams,
    warm_start_training: WarmStartParams,
    preflight: dict[str, Any],
) -> Training:
    """Applies warm_start_training to training. `preflight` is an input so that training waits for the checks."""
    return choose_training(mixture, base_model, warm_start_training.of(training, mixture.height))


def leave_out_worked(
    all_questions: pl.DataFrame,
    worked_examples: pl.DataFrame,
    worked_questions: pl.DataFrame,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Drops the unlabeled questions that the warm start trains on; also returns warm_start_counts."""
    taught_words = Evaluated(questions_in(worked_questions))
    unlabeled = pl.col("split") == "unlabeled"
    is_taught = pl.Series(
        [taught_words.has(question) for question in questions_in(all_questions)], dtype=pl.Boolean
    )
    kept = all_questions.filter(~(unlabeled & is_taught))
    left_out, file = all_questions.height - kept.height, file_of(worked_examples)
    if left_out and kept.filter(unlabeled).is_empty():
        raise ValueError(
            f"{file}: each of the {left_out:,} unlabeled questions is a worked example too, so none is left "
            "to learn from"
        )
    log.info(
        "Warm start: %s unlabeled questions are worked examples, and are left out", f"{left_out:,}"
    )
    taught = worked_examples.join(worked_questions, on="question_id", how="semi").height
    return kept, {
        "file": file,
        "examples": taught,
        "examples_left_out": worked_examples.height - taught,
        "questions_left_out": left_out,
    }


def add_warm_start(
    loop_metrics: Metrics, warm_start_counts: dict[str, Any], metrics_warm: Metrics
) -> Metrics:
    """Adds the counts of the warm start and the comparison with the given model to the metrics."""
    return {**loop_metrics, "warm_start": {**warm_start_counts, **metrics_warm}}
