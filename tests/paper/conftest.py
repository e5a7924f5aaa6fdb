"""A synthetic reproduction: the pooled predictions of the models, and the paper's tables made from them."""

from typing import Any

import polars as pl
import pytest

from tests.reproduced import models, reproduction


@pytest.fixture(scope="session")
def found() -> dict[str, pl.DataFrame]:
    return models()


@pytest.fixture(scope="session")
def made(found: dict[str, pl.DataFrame]) -> dict[str, Any]:
    return reproduction(found)
