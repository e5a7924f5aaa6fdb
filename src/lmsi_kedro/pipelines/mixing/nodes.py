"""Makes training examples from the paths that agree with the vote; the nodes are in the order of execution.

An example has one of four formats: few_shot_cot and zero_shot_cot (chain of thought), few_shot_direct and
zero_shot_direct (the answer alone).
arms.py selects the paths of control arms, and pairs.py those of preference training.
"""

from collections.abc import Iterable

import polars as pl

from lmsi_kedro import schemas, statistics
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, MixingParams, Weight
from lmsi_kedro.pipelines.mixing.rendering import (
    as_examples,
    direct_rows,
    render_prompts,
    usable_formats,
)
from lmsi_kedro.pipelines.mixing.weights import format_factors, weigh
from lmsi_kedro.reading import batches
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.overlap import LEAK_WORDS, Evaluated
from lmsi_kedro.tasks.questions import exemplar_sets, questions_in


def select_voted(answers: pl.DataFrame, paths: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Selects the kept paths, with their texts."""
    return with_texts(kept(answers), paths, "vote")


def kept(answers: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of answers that are kept; raises ValueError with the reasons if there are none."""
    if not answers["kept"].any():
        reasons = statistics.counts(answers["reason"]).items()
        why = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
        raise ValueError(
            f"votes: none of {answers.height:,} paths was kept ({why}), so there is nothing to train on"
        )
    return answers.filter("kept")


def with_texts(chosen: pl.DataFrame, paths: Iterable[pl.DataFrame], arm: str) -> pl.DataFrame:
    """Looks up the texts of the chosen paths, a few chunks at a time; raises ValueError if there are no paths."""
    if chosen.is_empty():
        raise ValueError(f"arm {arm}: no path was kept, so there is nothing to train on")
    keys = chosen.select("question_id", "path", "key", "surface", arm=pl.lit(arm))
    texts = [
        chunk.join(keys, on=["question_id", "path"], maintain_order="left").select(
            *schemas.SELECTED
        )
        for chunk in batches(paths, keys.height)
    ]
    return pl.concat(texts).sort("question_id", "path")


def leave_out_leaks(
    selected: pl.DataFrame, questions: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Returns taught and leaks.

    taught: the selected paths without those whose question is also a held-out or probe question. leaks: counts of
    questions. exact: those with the same words as a question in another split; they are left out. overlapping:
    further ones that share LEAK_WORDS consecutive words with such a question (as in GPT-3, appendix C); they are
    only counted.
    """
    by_id = dict(zip(questions["question_id"], questions_in(questions), strict=True))
    others = questions.filter(pl.col("split") != "unlabeled")["question_id"]
    evaluated = Evaluated(by_id[question] for question in others)
    learned = selected["question_id"].unique(maintain_order=True)
    exact = [question for question in learned if evaluated.has(by_id[question])]
    overlapping = [question for question in learned if evaluated.overlaps(by_id[question])]
    taught = selected.filter(~pl.col("question_id").is_in(exact))
    if taught.is_empty():
        raise ValueError(
            "questions: every question to train on is also a held-out or probe question"
        )
    return taught, {
        "questions": len(learned),
        "exact": len(exact),
        "overlapping": len(set(overlapping) - set(exact)),
        "words": LEAK_WORDS,
    }


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

    This holds by default: mixing.parts may leave formats out, and tasks without exemplars have only the zero-shot
    ones. All kept paths of a question give the same answer, so by default (mixing.direct=once) a question has only
    one example per direct format. By default (mixing.exemplars=same), a few-shot prompt repeats the exemplars with
    which its path was sampled. votes: if given, each example is weighted by the vote on its question: as `weight`
    says, else mixing.weight, whose default leaves all weights at 1.
    """
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

    mixing.parts has a number per format, by default 1. With balance=none, this number is the factor. With
    balance=rows, the total weights of the formats are proportional to their parts. With balance=tokens, their
    shares of the loss are proportional to their parts. In the loss, every target token has the weight of its
    example.
    """
    factors = format_factors(examples, base_model, mixing, engine)
    factor = pl.col("format").replace_strict(factors, return_dtype=pl.Float64)
    return examples.with_columns(weight=pl.col("weight") * factor)
