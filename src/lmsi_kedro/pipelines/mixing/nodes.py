"""Makes training examples from the paths that agree with the vote.

An example is a prompt with a target text, in one of four formats: few_shot_cot, zero_shot_cot (chain of thought),
few_shot_direct and zero_shot_direct (the answer alone).
"""

from collections.abc import Iterable

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, MixingParams, Weight
from lmsi_kedro.pipelines.mixing.leaks import find_leaks
from lmsi_kedro.pipelines.mixing.rendering import render_task
from lmsi_kedro.pipelines.mixing.selection import kept, with_texts
from lmsi_kedro.pipelines.mixing.weights import format_factors, weigh
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.questions import exemplar_sets


def select_voted_paths(answers: pl.DataFrame, paths: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Selects the kept paths, with their texts."""
    return with_texts(kept(answers), paths, "vote")


def leave_out_leaks(
    selected: pl.DataFrame, questions: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Leaves out questions with exactly the same words as a held-out or probe question, and counts them.

    The paths of the other questions are `taught`: they become examples.
    """
    leaked, leaks = find_leaks(selected["question_id"], questions)
    taught = selected.filter(~pl.col("question_id").is_in(leaked))
    if taught.is_empty():
        raise ValueError(
            "questions: every question to train on is also a held-out or probe question"
        )
    return taught, leaks


def render_examples(
    taught: pl.DataFrame,
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    tasks: Tasks,
    mixing: MixingParams,
    votes: pl.DataFrame | None = None,
    weight: Weight | None = None,
    round_number: int = 1,
) -> pl.DataFrame:
    """Renders each path in both chain-of-thought formats, and its answer alone in both direct formats.

    By default, a question has only one example per direct format (mixing.direct=once), because its kept paths have
    the same answer. Without exemplars, there are only the zero-shot formats. With `votes`, examples are weighted
    as `weight` or mixing.weight says; by default, all weights are 1.
    """
    rows = taught.join(questions, on="question_id", how="left", maintain_order="left")
    tables = [schemas.empty(schemas.EXAMPLES)]
    for name in rows["task"].unique(maintain_order=True):
        sets = exemplar_sets(exemplars, tasks[name])
        tables += render_task(rows.filter(task=name), sets, mixing, tasks[name], round_number)
    examples = pl.concat(tables)
    return examples if votes is None else weigh(examples, votes, weight or mixing.weight)


def accumulate_examples(previous: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Adds new examples to those of earlier rounds, where they replace all examples of the same questions."""
    older = previous.join(new, on="question_id", how="anti", maintain_order="left")
    return pl.concat([older, new])


def balance_examples(
    examples: pl.DataFrame, base_model: Model, mixing: MixingParams, engine: EngineParams
) -> pl.DataFrame:
    """Multiplies the weights of all examples by one factor per format, which is 1 by default (mixing.parts).

    If mixing.balance is rows or tokens, the factors give each format its share of the examples or of their tokens,
    which the model's tokenizer counts.
    """
    factors = format_factors(examples, base_model, mixing, engine)
    factor = pl.col("format").replace_strict(factors, return_dtype=pl.Float64)
    return examples.with_columns(weight=pl.col("weight") * factor)
