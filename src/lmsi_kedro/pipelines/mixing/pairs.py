"""Pairs a path of the winning answer with one of the least-voted answer (ScPO, arXiv 2411.04109).

Pairs are weighted as in the paper: by the votes of the winner minus those of the other answer, divided by the
number of paths. The paper uses one pair per question. Here every kept path is in a pair, so
`voting.max_paths_per_question` limits the number of pairs.
"""

from collections.abc import Iterable
from random import Random

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import MixingParams
from lmsi_kedro.pipelines.mixing.rendering import taught_text
from lmsi_kedro.pipelines.mixing.selection import kept, with_texts
from lmsi_kedro.tasks import Tasks

ANSWER = ["question_id", "key"]


def select_paired_paths(
    answers: pl.DataFrame,
    votes: pl.DataFrame,
    paths: Iterable[pl.DataFrame],
    mixing: MixingParams,
    round_number: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Selects the kept paths of questions with a second answer, and pairs each of them with a rejected path."""
    losing = least_voted(answers, votes)
    chosen = kept(answers).join(losing, on="question_id", how="semi", maintain_order="left")
    if chosen.is_empty():
        raise ValueError(
            "votes: no kept question has two different answers, so training.objective=scpo has no pair to learn "
            "from; sample more paths (paths.m), or set training.objective=sft"
        )
    others = answers.join(losing, on=ANSWER, how="semi", maintain_order="left")
    texts = with_texts(pl.concat([chosen, others]), paths, "vote")
    selected = texts.join(losing, on=ANSWER, how="anti", maintain_order="left")
    rejected = texts.join(losing, on=ANSWER, how="semi", maintain_order="left")
    candidates = rejected.select(*ANSWER, "surface", "text", rejected="path")
    pairs = (
        opposed(selected, rejected, mixing.seed)
        .join(candidates, on=["question_id", "rejected"], maintain_order="left")
        .join(losing, on=ANSWER, maintain_order="left")
    )
    return selected, pairs.with_columns(round=pl.lit(round_number, pl.Int32)).select(*schemas.PAIRS)


def least_voted(answers: pl.DataFrame, votes: pl.DataFrame) -> pl.DataFrame:
    """Finds the answers with the fewest votes for each kept question, and their margin to the winner."""
    counted = answers.drop_nulls("key").group_by(ANSWER, maintain_order=True).len("count")
    winners = votes.filter("kept").select("question_id", "votes", "paths", winner="key")
    return (
        counted.join(winners, on="question_id", maintain_order="left")
        .filter(pl.col("key") != pl.col("winner"))
        .filter(pl.col("count") == pl.col("count").min().over("question_id"))
        .with_columns(margin=(pl.col("votes") - pl.col("count")) / pl.col("paths"))
        .filter(pl.col("margin") > 0)
        .select(*ANSWER, "margin")
    )


def opposed(selected: pl.DataFrame, rejected: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Assigns rejected paths to selected ones in random order; none is repeated before all have been used."""
    others = dict(rejected.group_by("question_id", maintain_order=True).agg("path").iter_rows())
    rows = []
    for (question,), own in selected.partition_by("question_id", as_dict=True).items():
        opponents = sorted(others[str(question)])
        Random(f"{seed} {question}").shuffle(opponents)
        rows += [
            (question, path, opponents[n % len(opponents)]) for n, path in enumerate(own["path"])
        ]
    columns = {name: schemas.PAIRS[name] for name in ("question_id", "path", "rejected")}
    return pl.DataFrame(rows, schema=columns, orient="row")


def oppose_examples(
    mixture: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks, *pairs: pl.DataFrame
) -> pl.DataFrame:
    """Adds the rejected path in the same format to each example, and multiplies its weight by the margin.

    pairs: the pairs of every round so far.
    """
    taught = mixture.join(
        pl.concat(pairs), on=["question_id", "path", "round"], validate="m:1", maintain_order="left"
    ).join(questions.select("question_id", "task"), on="question_id", maintain_order="left")
    parts = [
        rows.with_columns(
            rejected=taught_text(rows, prompt_format, tasks[task]),
            weight=pl.col("weight") * pl.col("margin"),
        ).select(*schemas.PREFERENCES)
        for (task, prompt_format), rows in taught.partition_by(
            "task", "format", as_dict=True
        ).items()
    ]
    return pl.concat(parts)
