"""Renders the selected paths (arms.py) as training examples, and weights these into a mixture."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, Format, MixingParams, Weight
from lmsi_kedro.pipelines.mixing.rendering import direct_rows, render_prompts, written_down
from lmsi_kedro.tasks import Tasks, few_shot, usable
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.overlap import LEAK_WORDS, Evaluated
from lmsi_kedro.tasks.questions import exemplar_sets, questions_in


def leave_out_leaks(
    selected: pl.DataFrame, questions: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """taught: the selected paths, except those whose question is also in another split; leaks: the counts.

    exact: questions with the same words as one in another split; they are left out. overlapping: further questions
    that share LEAK_WORDS consecutive words with one (as in GPT-3, appendix C); they are only counted.
    """
    by_id = dict(zip(questions["question_id"], questions_in(questions), strict=True))
    held_out = questions.filter(pl.col("split") != "unlabeled")["question_id"]
    evaluated = Evaluated(by_id[question] for question in held_out)
    learned = selected["question_id"].unique(maintain_order=True)
    exact = [question for question in learned if evaluated.has(by_id[question])]
    overlapping = [question for question in learned if evaluated.overlaps(by_id[question])]
    taught = selected.filter(~pl.col("question_id").is_in(exact))
    if taught.is_empty():
        raise ValueError("questions: each one that would be taught is a held-out question too")
    return taught, {
        "questions": len(learned),
        "exact": len(exact),
        "overlapping": len(set(overlapping) - set(exact)),
        "words": LEAK_WORDS,
    }


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
    """examples: every path in the chain-of-thought formats, and only its answer in the direct ones.

    A prompt has the exemplars with which its path was sampled. votes: if given, every example is weighted by the
    vote on its question, as `weight` says or, without it, mixing.weight.
    """
    round_number = 1 + max(previous["round"].to_list(), default=0)
    rows = taught.join(questions, on="question_id", how="left", maintain_order="left")
    tables = [schemas.empty(schemas.EXAMPLES)]
    for name in rows["task"].unique(maintain_order=True):
        sets = exemplar_sets(exemplars, tasks[name])
        paths = rows.filter(task=name).with_columns(weight=1.0)
        # A task without exemplars has one empty set; its few-shot formats are then rendered as zero-shot.
        first_set = next(iter(sets.values()))
        for prompt_format in dict.fromkeys(usable(each, first_set) for each in mixing.formats):
            direct = prompt_format.endswith("direct")
            source = direct_rows(paths, mixing.direct) if direct else paths
            prompts = render_prompts(source, prompt_format, sets, mixing, tasks[name])
            tables.append(written_down(source, prompts, prompt_format, round_number, tasks[name]))
    examples = pl.concat(tables)
    return examples if votes is None else weigh(examples, votes, weight or mixing.weight)


def weigh(examples: pl.DataFrame, votes: pl.DataFrame, weight: Weight) -> pl.DataFrame:
    """The examples, weighted by the confidence or margin of the vote; those of weight 0 are left out."""
    if weight == "none":
        return examples
    sure = votes.select("question_id", sure=weight)
    weighted = examples.join(sure, on="question_id", how="left", maintain_order="left")
    return (
        weighted.with_columns(weight=pl.col("weight") * pl.col("sure"))
        .filter(pl.col("weight") > 0)
        .drop("sure")
    )


def accumulate(previous: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """All rounds' examples; the newest vote on a question replaces its older examples."""
    older = previous.join(new, on="question_id", how="anti", maintain_order="left")
    return pl.concat([older, new])


def balance(
    examples: pl.DataFrame, base_model: Model, mixing: MixingParams, engine: EngineParams
) -> pl.DataFrame:
    """mixture: all examples, with weights multiplied by one factor per format to reach mixing.parts.

    With balance=rows, the formats' sums of weights are in the proportion of their parts. With balance=tokens, each
    weight counts once per target token: the formats' shares of the loss are in that proportion.
    """
    formats = examples["format"].unique(maintain_order=True).sort()
    factors = {each: part(each, mixing) for each in formats}
    if mixing.balance != "none":
        size = pl.col("weight")
        if mixing.balance == "tokens":
            size *= target_tokens(examples, base_model, engine)
        sized = examples.select("format", size=size)
        total = dict(sized.group_by("format", maintain_order=True).sum().iter_rows())
        share = sum(total.values()) / sum(factors.values())
        factors = {each: factor * share / total[each] for each, factor in factors.items()}
    factor = pl.col("format").replace_strict(factors, return_dtype=pl.Float64)
    return examples.with_columns(weight=pl.col("weight") * factor)


def part(prompt_format: Format, mixing: MixingParams) -> float:
    """The part of a format or, if this is a zero-shot one that stands in for a few-shot one, that one's part."""
    return mixing.parts.get(prompt_format) or mixing.parts[few_shot(prompt_format)]


def target_tokens(examples: pl.DataFrame, base_model: Model, engine: EngineParams) -> pl.Series:
    """The number of tokens that the loss covers in each example: its target and the end token."""
    encoder = Encoder.of(base_model.path, engine.conversation, engine.trust_remote_code)
    encoded = encoder.examples(examples["prompt"].to_list(), examples["target"].to_list())
    return pl.Series([example.target_tokens for example in encoded])
