"""Selects the paths or examples of the control arms, in place of those of the vote."""

from collections.abc import Iterable
from random import Random

import polars as pl

from lmsi_kedro.evaluation.marking import accepted_keys, is_accepted
from lmsi_kedro.params import Format, MixingParams, VotingParams
from lmsi_kedro.pipelines.mixing.selection import with_texts
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.votes import thin_out


def select_random_paths(
    readings: pl.DataFrame,
    paths: Iterable[pl.DataFrame],
    voted: pl.DataFrame,
    mixing: MixingParams,
) -> pl.DataFrame:
    """Selects random distinct parsed paths, as many per question as the vote keeps, without using the votes."""
    readable = readings.filter(pl.col("key").is_not_null()).sort("question_id", "path")
    distinct = readable.unique(["question_id", "content"], keep="first", maintain_order=True)
    limit = dict(voted.group_by("question_id", maintain_order=True).len().iter_rows())
    samples = []
    for (question,), rows in distinct.partition_by("question_id", as_dict=True).items():
        count = min(limit.get(question, 0), rows.height)
        samples.append(rows[Random(f"{mixing.seed} {question}").sample(range(rows.height), count)])
    return with_texts(pl.concat([distinct.clear(), *samples]), paths, "random")


def select_shuffled_paths(
    voted: pl.DataFrame, questions: pl.DataFrame, mixing: MixingParams
) -> pl.DataFrame:
    """Assigns every question the kept paths of another question of its task, so that the answers do not fit."""
    task_of = dict(questions.select("question_id", "task").iter_rows())
    givers: dict[str, list[str]] = {}
    for question in voted["question_id"].unique(maintain_order=True).sort():
        givers.setdefault(task_of[question], []).append(question)
    receiver: dict[str, str] = {}
    for task, names in givers.items():
        Random(f"{mixing.seed} {task}").shuffle(names)
        if len(names) > 1:  # with a single question there are no other paths
            receiver |= dict(zip(names, [*names[1:], names[0]], strict=True))
    donated = voted.filter(pl.col("question_id").is_in(list(receiver)))
    if donated.is_empty():
        raise ValueError("arm shuffled: no task has two questions with kept paths")
    return donated.with_columns(
        pl.col("question_id").replace_strict(receiver), arm=pl.lit("shuffled")
    ).sort("question_id", "path")


def select_gold_paths(
    readings: pl.DataFrame,
    paths: Iterable[pl.DataFrame],
    gold_labels: pl.DataFrame,
    questions: pl.DataFrame,
    tasks: Tasks,
    voting: VotingParams,
) -> pl.DataFrame:
    """Selects paths that match the labels, deduplicated and capped like those of the vote: an upper bound."""
    if gold_labels.is_empty():
        raise ValueError(
            "arm gold: no unlabeled question has an answer in the question file; leave gold out of controls.arms"
        )
    accepted = accepted_keys(gold_labels, questions, tasks)
    reason = pl.when(is_accepted()).then(pl.lit("agrees")).otherwise(pl.lit("disagrees"))
    judged = readings.join(accepted, on="question_id", maintain_order="left")
    return with_texts(
        thin_out(judged.with_columns(reason=reason), voting).filter(reason="agrees"), paths, "gold"
    )


def keep_formats(
    voted_examples: pl.DataFrame, arm: str, formats: tuple[Format, ...]
) -> pl.DataFrame:
    """Keeps only the examples of the vote in these formats (paper, table 5)."""
    kept = voted_examples.filter(pl.col("format").is_in(formats))
    if kept.is_empty():
        raise ValueError(f"arm {arm}: the vote has no example in {' or '.join(formats)}")
    return kept.with_columns(arm=pl.lit(arm))


def repeat_labeled(examples_warm: pl.DataFrame) -> pl.DataFrame:
    """Returns the examples of the warm start: the arm shows what more steps on labeled examples would gain."""
    return examples_warm.with_columns(arm=pl.lit("labeled"))
