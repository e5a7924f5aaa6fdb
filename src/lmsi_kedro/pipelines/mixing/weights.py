"""Weights examples by the vote on their question, and by their format."""

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, Format, MixingParams, Weight
from lmsi_kedro.tasks import few_shot
from lmsi_kedro.tasks.encoding import Encoder


def weigh(examples: pl.DataFrame, votes: pl.DataFrame, weight: Weight) -> pl.DataFrame:
    """Weights examples by the confidence or margin of the vote, and leaves out those of weight 0."""
    if weight == "none":
        return examples
    sure = votes.select("question_id", sure=weight)
    weighted = examples.join(sure, on="question_id", how="left", maintain_order="left")
    return (
        weighted.with_columns(weight=pl.col("weight") * pl.col("sure"))
        .filter(pl.col("weight") > 0)
        .drop("sure")
    )


def format_factors(
    examples: pl.DataFrame, base_model: Model, mixing: MixingParams, engine: EngineParams
) -> dict[str, float]:
    """Returns the factor by which `balance_examples` multiplies the weights of each format.

    mixing.parts has a number per format. With balance=none, this number is the factor. With balance=rows, the
    total weights of the formats are proportional to their parts. With balance=tokens, their shares of the loss
    are; in the loss, every target token has the weight of its example.
    """
    formats = examples["format"].unique(maintain_order=True).sort()
    factors = {each: part(each, mixing) for each in formats}
    if mixing.balance == "none":
        return factors
    size = pl.col("weight")
    if mixing.balance == "tokens":
        size *= target_tokens(examples, base_model, engine)
    sized = examples.select("format", size=size)
    total = dict(sized.group_by("format", maintain_order=True).sum().iter_rows())
    share = sum(total.values()) / sum(factors.values())
    return {each: factor * share / total[each] for each, factor in factors.items()}


def part(prompt_format: Format, mixing: MixingParams) -> float:
    """Returns the part of a format; if it is 0 or missing, that of the few-shot format which it replaces."""
    return mixing.parts.get(prompt_format) or mixing.parts[few_shot(prompt_format)]


def target_tokens(examples: pl.DataFrame, base_model: Model, engine: EngineParams) -> pl.Series:
    """Returns the number of tokens that the loss covers in each example: its target and the end token."""
    encoder = Encoder.of(base_model.path, engine.conversation, engine.trust_remote_code)
    encoded = encoder.examples(examples["prompt"].to_list(), examples["target"].to_list())
    return pl.Series([example.target_tokens for example in encoded])
