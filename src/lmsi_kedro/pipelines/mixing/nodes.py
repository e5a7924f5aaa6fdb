"""Which paths are taught, and how they are written down for training."""

import hashlib
from collections.abc import Iterable
from random import Random

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import MixingParams
from lmsi_kedro.pipelines.sampling.nodes import exemplars_of
from lmsi_kedro.tasks import Asked, Tasks, render, target, usable, written

SELECTED = ["question_id", "path", "arm", "key", "surface", "text"]


def select_voted(answers: pl.DataFrame, paths: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """selected: the kept paths, with their texts."""
    return with_texts(answers.filter("kept"), paths, "vote")


def select_random(
    readings: pl.DataFrame,
    paths: Iterable[pl.DataFrame],
    voted: pl.DataFrame,
    mixing: MixingParams,
) -> pl.DataFrame:
    """As many distinct readable paths per question as the vote keeps, drawn without looking at votes."""
    readable = readings.filter(pl.col("key").is_not_null()).sort("question_id", "path")
    distinct = readable.unique(["question_id", "content"], keep="first", maintain_order=True)
    limit = dict(voted.group_by("question_id").len().iter_rows())
    drawn = []
    for (question,), rows in distinct.partition_by("question_id", as_dict=True).items():
        count = min(limit.get(question, 0), rows.height)
        drawn.append(rows[Random(f"{mixing.seed} {question}").sample(range(rows.height), count)])
    return with_texts(pl.concat([distinct.clear(), *drawn]), paths, "random")


def with_texts(chosen: pl.DataFrame, paths: Iterable[pl.DataFrame], arm: str) -> pl.DataFrame:
    """The chosen paths' texts, taken chunk by chunk; ValueError if nothing was chosen."""
    if chosen.is_empty():
        raise ValueError(f"arm {arm}: no path was kept, so there is nothing to train on")
    keys = chosen.select("question_id", "path", "key", "surface", arm=pl.lit(arm))
    texts = [chunk.join(keys, on=["question_id", "path"]).select(SELECTED) for chunk in paths]
    return pl.concat(texts).sort("question_id", "path")


def render_examples(
    selected: pl.DataFrame,
    previous: pl.DataFrame,
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    tasks: Tasks,
    mixing: MixingParams,
) -> pl.DataFrame:
    """examples: every path in the chain-of-thought formats, its answer alone in the direct ones.

    The k paths of a question give the same direct example; direct_per_question of them are kept.
    """
    round = 1 + max(previous["round"].to_list(), default=0)
    shots = {name: exemplars_of(exemplars, tasks[name]) for name in tasks.in_domain}
    asked = selected.join(questions, on="question_id", how="left", maintain_order="left")
    nth = asked.select(pl.int_range(pl.len()).over("question_id")).to_series()
    rows = []
    for row, index in zip(asked.iter_rows(named=True), nth, strict=True):
        kind = tasks[row["task"]].kind
        content = Asked(row["question"], row["context"], row["choices"])
        for format in dict.fromkeys(usable(f, shots[row["task"]]) for f in mixing.formats):
            direct = format.endswith("direct")
            if direct and index >= mixing.direct_per_question:
                continue
            prompt = render(format, content, shots[row["task"]])
            answer = target(written(row["key"], row["surface"], kind))
            rows.append(
                {
                    "example_id": example_id(row, format, round),
                    **{name: row[name] for name in ("question_id", "path", "arm")},
                    "round": round,
                    "format": format,
                    "weight": 1.0,
                    "prompt": prompt.text,
                    "target": answer if direct else f" {row['text']}",
                }
            )
    return pl.DataFrame(rows, schema=schemas.EXAMPLES)


def example_id(row: dict[str, object], format: str, round: int) -> str:
    content = f"{row['question_id']} {row['path']} {row['arm']} {format} {round}"
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def accumulate(previous: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """All rounds' examples; the newest vote on a question replaces its older examples."""
    older = previous.join(new, on="question_id", how="anti", maintain_order="left")
    return pl.concat([older, new])
