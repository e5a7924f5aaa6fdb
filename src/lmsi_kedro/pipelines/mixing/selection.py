"""The kept paths and their texts, for the vote, the control arms and the pairs."""

from collections.abc import Iterable

import polars as pl

from lmsi_kedro import schemas, statistics
from lmsi_kedro.reading import batches


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
