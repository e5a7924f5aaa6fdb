"""Predictions of a base model and of the model that its votes trained."""

import polars as pl
import pytest

from tests.fabricate import N, predictions


@pytest.fixture(scope="module")
def before() -> pl.DataFrame:
    return predictions(N, skill=0.45)


@pytest.fixture(scope="module")
def after() -> pl.DataFrame:
    return predictions(N, skill=0.65, round_number=1, arm="vote")
