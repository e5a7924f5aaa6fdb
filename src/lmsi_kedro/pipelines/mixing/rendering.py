"""Renders selected paths as the texts of examples."""

import hashlib
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import Format, MixingParams
from lmsi_kedro.tasks import Exemplar, Question, Task, render, target, usable, written
from lmsi_kedro.tasks.questions import ExemplarSets

PROMPTED = ["question_id", "exemplar_set"]  # rows with equal values have the same prompt


def render_task(
    paths: pl.DataFrame, sets: ExemplarSets, mixing: MixingParams, task: Task, round_number: int
) -> Iterator[pl.DataFrame]:
    """Renders the paths of a task in every format in use, with weight 1 unless mixing.direct says otherwise.

    A few-shot prompt repeats the exemplars with which its path was sampled, changed as mixing.exemplars says.
    """
    whole = paths.with_columns(weight=1.0)
    for prompt_format in usable_formats(sets, mixing):
        direct = prompt_format.endswith("direct")
        rows = direct_rows(whole, mixing.direct) if direct else whole
        prompts = render_prompts(rows, prompt_format, sets, mixing, task)
        yield as_examples(rows, prompts, prompt_format, round_number, task)


def usable_formats(sets: ExemplarSets, mixing: MixingParams) -> list[Format]:
    """Returns the formats in use; without exemplars (one empty set), few-shot formats become zero-shot ones."""
    first_set = next(iter(sets.values()))
    return list(dict.fromkeys(usable(each, first_set) for each in mixing.formats))


def direct_rows(whole: pl.DataFrame, direct: str) -> pl.DataFrame:
    """Returns the rows that become direct examples, with their weights (MixingParams.direct)."""
    if direct == "copies":
        return whole
    alike = ["question_id"] if direct == "once" else ["question_id", "key"]
    weight = pl.lit(1.0) if direct == "once" else pl.len().over(alike).cast(pl.Float64)
    return whole.with_columns(weight=weight).unique(alike, keep="first", maintain_order=True)


def render_prompts(
    rows: pl.DataFrame, prompt_format: Format, sets: ExemplarSets, mixing: MixingParams, task: Task
) -> pl.DataFrame:
    """Renders each distinct prompt once, since a million paths share a few thousand long prompts."""

    def prompt(row: dict[str, Any]) -> str:
        shots = sampled_with(row["exemplar_set"], sets)
        shown = disturbed(shots, mixing.exemplars, f"{mixing.seed} {row['question_id']}")
        return render(
            prompt_format, Question(row["question"], row["context"], row["choices"]), shown, task
        )

    different = rows.unique(PROMPTED, keep="first", maintain_order=True)
    prompts = [prompt(row) for row in different.iter_rows(named=True)]
    return different.select(*PROMPTED, prompt=pl.Series(prompts, dtype=pl.String))


def sampled_with(exemplar_set: str, sets: ExemplarSets) -> list[Exemplar]:
    if exemplar_set not in sets:
        raise ValueError(
            f"paths: sampled with the exemplars {exemplar_set!r}, which no longer exist; sample again"
        )
    return sets[exemplar_set]


def disturbed(shots: Sequence[Exemplar], how: str, seed: str) -> Sequence[Exemplar]:
    """Returns the exemplars of a training prompt (MixingParams.exemplars); `dropped` drops about half of them."""
    random = Random(seed)
    if how == "shuffled":
        return random.sample(shots, len(shots))
    if how == "dropped" and shots:
        return [shot for shot in shots if random.random() < 0.5] or [random.choice(shots)]
    return shots


def as_examples(
    rows: pl.DataFrame, prompts: pl.DataFrame, prompt_format: Format, round_number: int, task: Task
) -> pl.DataFrame:
    """Builds the examples of one task in one format; rows with the same prompt share the memory of its text."""
    named = rows.select("question_id", "path", "arm").iter_rows()
    ids = pl.Series(
        [example_id(q, path, arm, prompt_format, round_number) for q, path, arm in named],
        dtype=pl.String,
    )
    return (
        rows.join(prompts, on=PROMPTED, how="left", maintain_order="left")
        .with_columns(
            example_id=ids,
            round=pl.lit(round_number, pl.Int32),
            format=pl.lit(prompt_format),
            target=taught_text(rows, prompt_format, task),
        )
        .select(*schemas.EXAMPLES)
    )


def taught_text(rows: pl.DataFrame, prompt_format: Format, task: Task) -> pl.Series:
    """Returns the target text of each path: the whole path, or in a direct format the answer alone."""
    if not prompt_format.endswith("direct"):
        return rows.select(pl.lit(" ") + pl.col("text")).to_series()
    answers = rows.select("key", "surface").iter_rows()
    texts = [target(written(key, surface, task.kind)) for key, surface in answers]
    return pl.Series(texts, dtype=pl.String)


def example_id(question_id: str, path: int, arm: str, prompt_format: str, round_number: int) -> str:
    content = f"{question_id} {path} {arm} {prompt_format} {round_number}"
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
