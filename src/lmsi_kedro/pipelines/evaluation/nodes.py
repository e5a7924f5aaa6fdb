"""Plans the evaluation of a model and marks its answers; this package and the arm gold alone read labels."""

import hashlib
from collections.abc import Iterable

import numpy as np
import polars as pl

from lmsi_kedro import kernels, schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, EvaluationParams, Format, Mode, Sampling
from lmsi_kedro.pipelines.sampling.nodes import exemplar_sets, spread
from lmsi_kedro.tasks import Kind, Prompt, Tasks

# Paper, section 4: standard prompting is few-shot without rationales.
FORMATS: dict[Mode, Format] = {
    "standard": "few_shot_direct",
    "cot_greedy": "few_shot_cot",
    "self_consistency": "few_shot_cot",
    "self_consistency_raised": "few_shot_cot",
    "zero_shot_direct": "zero_shot_direct",
    "zero_shot_cot": "zero_shot_cot",
}


def plan_evaluation(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    evaluation: EvaluationParams,
    engine: EngineParams,
) -> Plan:
    """Held-out questions of every task in the wanted modes; the same for every model."""
    plan = Plan(model.path, model.digest, engine)
    for name, task in tasks.root.items():
        sets = exemplar_sets(exemplars, task)
        held_out = questions.filter(task=name, split="held_out")
        for mode in evaluation.modes:
            sampling, m, count = decoding(mode, evaluation)
            asked = list(spread(held_out.head(count), FORMATS[mode], sets, m))
            drawn = fingerprint([p for *_, each in asked for p in each.values()], sampling, m)
            for exemplar_set, indices, prompts in asked:
                columns = {"exemplar_set": exemplar_set, "mode": mode, "decoding": drawn}
                plan.add(prompts, indices, sampling, columns)
    return plan


def decoding(mode: Mode, evaluation: EvaluationParams) -> tuple[Sampling, int, int]:
    """How a mode draws, how many paths a question gets, and how many questions are asked per task."""
    temperatures = {
        "self_consistency": evaluation.temperature,
        "self_consistency_raised": evaluation.raised_temperature,
    }
    voted = mode in temperatures
    sampling = Sampling(
        temperature=temperatures.get(mode, 0),
        max_new_tokens=evaluation.max_new_tokens,
        seed=evaluation.seed,
    )
    m, count = (evaluation.m, evaluation.voted_questions) if voted else (1, None)
    return sampling, m, count or evaluation.greedy_questions


def fingerprint(prompts: Iterable[Prompt], sampling: Sampling, m: int) -> str:
    """What two models must share to be compared: paths, decoding, exemplars; in words and a digest."""
    shared = "".join(sorted({prompt.shared for prompt in prompts}))
    exemplars = hashlib.blake2b(shared.encode(), digest_size=4).hexdigest()
    drawn = " ".join(f"{name}={value}" for name, value in sampling.model_dump().items())
    return f"m={m} {drawn} exemplars={exemplars}"


def decide_answers(
    readings: pl.DataFrame, evaluation: EvaluationParams, round: int, arm: str
) -> pl.DataFrame:
    """One answer per question and mode: the vote's, where a tie has no key; a lone path is its own vote."""
    ordered = readings.sort("mode", "question_id", "path")
    asked = ["mode", "question_id", "task", "decoding"]
    sizes = ordered.group_by(asked, maintain_order=True).len()
    offsets = np.concatenate([[0], sizes["len"].cum_sum().to_numpy()])
    votes = kernels.count_votes(ordered["key"], offsets)
    confidence = pl.when(pl.col("paths") > 1).then(pl.col("confidence"))
    return pl.concat([sizes, votes], how="horizontal").select(
        "question_id",
        "task",
        "mode",
        "decoding",
        "key",
        confidence.alias("confidence"),
        round=pl.lit(round, pl.Int32),
        arm=pl.lit(arm),
        seed=pl.lit(evaluation.seed, pl.Int64),
    )


def accepted_keys(labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks) -> pl.DataFrame:
    """question_id, accepted: the keys of every accepted answer that can be read."""
    asked = labels.join(questions.select("question_id", "task", "choices"), on="question_id")
    written = asked.explode("answers").partition_by("task", as_dict=True)
    read = (_read(rows, tasks[str(task)].kind) for (task,), rows in written.items())
    return (
        pl.concat([schemas.empty({"question_id": pl.String, "accepted": pl.String}), *read])
        .group_by("question_id", maintain_order=True)
        .agg(pl.col("accepted").drop_nulls())
    )


def _read(rows: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    choices = rows["choices"].to_list() if kind == "choice" else None
    keys = kernels.canonical_keys(rows["answers"], kind, choices)
    return rows.select("question_id", accepted=keys)


def is_accepted() -> pl.Expr:
    """Whether a row's key is among its accepted ones; no key is not."""
    return pl.col("key").is_not_null() & pl.col("accepted").list.contains(pl.col("key"))


def mark_predictions(
    evaluation_answers: pl.DataFrame,
    labels: pl.DataFrame,
    questions: pl.DataFrame,
    tasks: Tasks,
) -> pl.DataFrame:
    """predictions: an answer is correct iff its key is among the accepted ones; no key is wrong."""
    accepted = accepted_keys(labels, questions, tasks)
    marked = evaluation_answers.join(accepted, on="question_id", how="left", maintain_order="left")
    unlabeled = marked.filter(pl.col("accepted").list.len().fill_null(0) == 0)
    if unlabeled.height:
        first = unlabeled["question_id"][0]
        raise ValueError(f"labels: no readable accepted answer for the evaluated question {first}")
    return marked.with_columns(correct=is_accepted()).select(*schemas.PREDICTIONS)
