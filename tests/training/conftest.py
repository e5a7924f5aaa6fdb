"""A tiny base model, examples of different lengths, and jobs made from both."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.params import Training
from lmsi_kedro.training import Job
from tests.models import tiny_model
from tests.training.jobs import PARAMS, MakeJob


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def examples() -> pl.DataFrame:
    numbers = range(1, 26)
    return pl.DataFrame(
        {
            "example_id": [f"e{n:02}" for n in numbers],
            "prompt": [f"Q: How many are {n} boxes of 3 pens?\nA:" * (1 + n % 4) for n in numbers],
            "target": [f" {n} * 3 = {n * 3}." * (n % 3) + f" It is {n * 3}." for n in numbers],
            "weight": [0.5 + n % 2 for n in numbers],
        }
    )


def pairs(examples: pl.DataFrame) -> pl.DataFrame:
    """The same examples with rejected targets, whose lengths differ from those of the chosen ones."""
    wrong = [f" {n} + 3 = {n + 3}." * ((n + 1) % 3) + f" It is {n + 3}." for n in range(1, 26)]
    return examples.with_columns(rejected=pl.Series(wrong))


@pytest.fixture
def make_job(base_model: Path, examples: pl.DataFrame, tmp_path: Path) -> MakeJob:
    def make(workspace: str = "jobs", base: Path = base_model, **changes: Any) -> Job:
        params = Training(**{**PARAMS, **changes})
        table = pairs(examples) if params.objective == "scpo" else examples
        return Job.write(tmp_path / workspace, table, base, "digest", params)

    return make


@pytest.fixture
def hostfile(tmp_path: Path) -> Path:
    path = tmp_path / "hostfile"
    path.write_text("# two nodes\nnode-1 slots=1\nnode-2 slots=1\n\n")
    return path
