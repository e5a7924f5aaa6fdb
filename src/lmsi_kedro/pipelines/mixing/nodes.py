"""Renders the taught paths as examples, and weights the examples; mixing/arms.py selects the paths."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, MixingParams, Weight
from lmsi_kedro.pipelines.mixing.rendering import (
    as_examples,
    direct_rows,
    render_prompts,
    usable_formats,
)
from lmsi_kedro.pipelines.mixing.weights import format_factors, weigh
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.questions import exemplar_sets


def render_examples(
    taught: pl.DataFrame,
    previous: pl.DataFrame,
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    tasks: Tasks,
    mixing: MixingParams,
    votes: pl.DataFrame | None = None,
    weight: Weight | None = None,
) -> pl.DataFrame:
    """Renders every path in the chain-of-thought formats, and only its answer in the direct ones.

    A few-shot prompt repeats the exemplars with which its path was sampled. votes: given for the arm
    "vote"; mixing.weight or `weight` then says whether an example is weighted by the vote on its question.
    """
    round_number = 1 + max(previous["round"].to_list(), default=0)
    rows = taught.join(questions, on="question_id", how="left", maintain_order="left")
    tables = [schemas.empty(schemas.EXAMPLES)]
    for name in rows["task"].unique(maintain_order=True):
        sets = exemplar_sets(exemplars, tasks[name])
        paths = rows.filter(task=name).with_columns(weight=1.0)
        for prompt_format in usable_formats(sets, mixing):
            direct = prompt_format.endswith("direct")
            source = direct_rows(paths, mixing.direct) if direct else paths
            prompts = render_prompts(source, prompt_format, sets, mixing, tasks[name])
            tables.append(as_examples(source, prompts, prompt_format, round_number, tasks[name]))
    examples = pl.concat(tables)
    return examples if votes is None else weigh(examples, votes, weight or mixing.weight)


def accumulate(previous: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Adds new examples to those of previous rounds; they replace older examples of the same question."""
    older = previous.join(new, on="question_id", how="anti", maintain_order="left")
    return pl.concat([older, new])


def balance(
    examples: pl.DataFrame, base_model: Model, mixing: MixingParams, engine: EngineParams
) -> pl.DataFrame:
    """Multiplies the weights of all examples by one factor per format, to reach mixing.parts.

    With balance=rows, the total weights of the formats are proportional to their parts. With balance=tokens, their
    shares of the loss are proportional to the parts, since every target token has the weight of its example.
    """
    factors = format_factors(examples, base_model, mixing, engine)
    factor = pl.col("format").replace_strict(factors, return_dtype=pl.Float64)
    return examples.with_columns(weight=pl.col("weight") * factor)
