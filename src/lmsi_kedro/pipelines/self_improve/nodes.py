"""Where the accumulation of examples begins."""

import polars as pl

from lmsi_kedro import schemas


def start_accumulation() -> pl.DataFrame:
    """examples_0: none."""
    return schemas.empty(schemas.EXAMPLES)
