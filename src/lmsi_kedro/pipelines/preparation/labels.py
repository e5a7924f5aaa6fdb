"""Parses the labels of the question file into answers; a single error lists all unparsable labels."""

import logging

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.labels import letters_of_places, wanted
from lmsi_kedro.tasks.labels import read_labels as read
from lmsi_kedro.tasks.questions import with_ids

log = logging.getLogger(__name__)
SHOWN = 20
WIDTH = 60  # characters of a label that an error shows
ADVICE = "Write the answer alone, or end a solution with '#### ' and the answer; tasks.{}.kind sets another kind"


def read_labels(raw_questions: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """Replaces every label of raw_questions with the answer that it states.

    Raises ValueError for labels that are unparsable or state several answers, with their lines in the file.
    """
    rows = raw_questions.with_row_index("row")
    labels = rows.explode("answer").drop_nulls("answer").rename({"answer": "label"})
    if labels.is_empty():
        return raw_questions
    table = pl.concat(
        of_task(str(task), group, tasks)
        for (task,), group in labels.partition_by("task", as_dict=True).items()
    )
    wrong = table.filter(pl.col("answer").is_null()).sort("row")
    if wrong.height:
        raise ValueError(error_message(wrong, tasks))
    answers = table.group_by("row", maintain_order=True).agg("answer")
    checked = rows.drop("answer").join(answers, on="row", how="left", maintain_order="left")
    return checked.select(*raw_questions.columns)


def of_task(name: str, labels: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """Parses the labels of a task; the answer is null for an unparsable label."""
    task, choices = tasks[name], labels["choices"].to_list()
    written = labels["label"].to_list()
    if task.kind == "choice":
        try:
            written, meaning = letters_of_places(written, choices)
        except ValueError as error:
            raise ValueError(f"questions, task {name}: {error}") from None
        if meaning:
            log.info("The labels of task %s are %s", name, meaning)
    answers = read(written, task.kind, choices, task.decimal)
    return labels.with_columns(answer=pl.Series(answers, dtype=pl.String))


def error_message(wrong: pl.DataFrame, tasks: Tasks) -> str:
    """Writes the error message: which labels to correct, and how."""
    named = [
        f"{places(wrong[number])}: the label {shown(label)} is not {wanted(tasks[task].kind)}"
        for number, (label, task) in enumerate(wrong.select("label", "task").iter_rows())
    ]
    task = str(wrong["task"][0]) if wrong["task"].n_unique() == 1 else "<name>"
    return listed(named, "labels are unparsable", ADVICE.format(task))


def listed(named: list[str], problem: str, advice: str) -> str:
    """Writes one line for a single fault; for several faults, a heading and the first SHOWN of them."""
    if len(named) == 1:
        return f"{named[0]}. {advice}"
    more = [f"and {len(named) - SHOWN:,} more"] if len(named) > SHOWN else []
    return "\n  ".join([f"{len(named):,} {problem}. {advice}:", *named[:SHOWN], *more])


def shown(label: str) -> str:
    """Returns the label in quotes, with the middle left out if it is long."""
    half = WIDTH // 2
    return repr(label if len(label) <= WIDTH else f"{label[:half]} ... {label[-half:]}")


def places(rows: pl.DataFrame) -> str:
    """Returns the lines of the rows in their file, or their questions if they do not come from a file."""
    found = rows["source"].fill_null("questions: " + rows["question"])
    return " and ".join(found.to_list())


def prepare_labels(checked_questions: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """Returns the labels of held-out and probe questions. No node that trains a model may use this table."""
    evaluated = questions.filter(pl.col("split") != "unlabeled")
    table = answered(checked_questions, evaluated)
    doubles = table.filter(pl.col("question_id").is_duplicated())
    if doubles.height:
        named = [
            f"{places(rows)}: {shown(rows['question'][0])} has different answers"
            for rows in doubles.partition_by("question_id", maintain_order=True)
        ]
        raise ValueError(listed(named, "questions have different answers", "Keep one of each"))
    unlabeled = with_ids(checked_questions).join(
        evaluated.join(table, on="question_id", how="anti"), on="question_id", how="semi"
    )
    if unlabeled.height:
        named = [
            f"{places(row)}: {shown(row['question'][0])} is {row['split'][0]} and has no answer"
            for row in unlabeled.iter_slices(1)
        ]
        raise ValueError(
            listed(
                named, "questions to evaluate have no answer", "Add it, or leave the split empty"
            )
        )
    return table.select(*schemas.LABELS)


def prepare_gold_labels(checked_questions: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """Returns the answers in the file to unlabeled questions; only the control arm gold uses them."""
    gold = answered(checked_questions, questions.filter(split="unlabeled"))
    return gold.filter(~pl.col("question_id").is_duplicated()).select(*schemas.LABELS)


def answered(checked_questions: pl.DataFrame, selected: pl.DataFrame) -> pl.DataFrame:
    """Returns the selected questions that have `answers`; a question with two different answers has two rows."""
    table = with_ids(checked_questions).rename({"answer": "answers"}).drop_nulls("answers")
    labeled = table.join(selected, on="question_id", how="semi", maintain_order="left")
    return labeled.unique(["question_id", "answers"], maintain_order=True)
