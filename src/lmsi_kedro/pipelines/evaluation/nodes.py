"""Plans the evaluation of a model and marks its answers with labels."""

from collections.abc import Iterable

import polars as pl

from lmsi_kedro import kernels, schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.evaluation.decoding import FORMATS, decoding, fingerprint
from lmsi_kedro.evaluation.marking import accepted_keys, is_accepted
from lmsi_kedro.params import EngineParams, EvaluationParams, VotingParams
from lmsi_kedro.reading import in_order, read_texts
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.questions import exemplar_sets, spread


def plan_evaluation(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    evaluation: EvaluationParams,
    engine: EngineParams,
) -> Plan:
    """Plans the held-out questions of every task in the configured modes, the same for every model."""
    plan = Plan(model.path, model.digest, engine)
    for name, task in tasks.root.items():
        sets = exemplar_sets(exemplars, task)
        held_out = questions.filter(task=name, split="held_out")
        for mode in evaluation.modes:
            sampling, m, count = decoding(mode, evaluation, model)
            settings = fingerprint(FORMATS[mode], sets, sampling, m, task)
            requests = spread(held_out.head(count), FORMATS[mode], sets, m, task)
            plan.add_all(requests, sampling, mode=mode, decoding=settings)
    return plan


def read_evaluation_answers(
    paths: Iterable[pl.DataFrame], questions: pl.DataFrame, tasks: Tasks, voting: VotingParams
) -> pl.DataFrame:
    """Parses the answers; evaluation_readings also keep the texts, which the report shows."""
    return in_order(read_texts(paths, questions, tasks, voting), schemas.EVALUATION_READINGS)


def decide_answers(
    readings: pl.DataFrame, evaluation: EvaluationParams, round_number: int, arm: str
) -> pl.DataFrame:
    """Decides one answer per question and mode: the winner of the vote (a single path wins), null for a tie."""
    ordered = readings.sort("mode", "question_id", "path")
    columns = ["mode", "question_id", "task", "decoding"]
    sizes = ordered.group_by(columns, maintain_order=True).len()
    offsets = [0, *sizes["len"].cum_sum()]
    votes = kernels.count_votes(ordered["key"], offsets)
    confidence = pl.when(pl.col("paths") > 1).then(pl.col("confidence"))
    return pl.concat([sizes, votes], how="horizontal").select(
        "question_id",
        "task",
        "mode",
        "decoding",
        "key",
        confidence.alias("confidence"),
        round=pl.lit(round_number, pl.Int32),
        arm=pl.lit(arm),
        seed=pl.lit(evaluation.seed, pl.Int64),
    )


def mark_predictions(
    evaluation_answers: pl.DataFrame,
    labels: pl.DataFrame,
    questions: pl.DataFrame,
    tasks: Tasks,
) -> pl.DataFrame:
    """Marks an answer as correct if it is among the accepted ones; unparsable and tied answers are wrong."""
    accepted = accepted_keys(labels, questions, tasks)
    marked = evaluation_answers.join(accepted, on="question_id", how="left", maintain_order="left")
    unlabeled = marked.filter(pl.col("accepted").list.len().fill_null(0) == 0)
    if unlabeled.height:
        first = unlabeled["question_id"][0]
        raise ValueError(f"labels: no parsable accepted answer for the evaluated question {first}")
    return marked.with_columns(correct=is_accepted()).select(*schemas.PREDICTIONS)
