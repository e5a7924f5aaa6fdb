from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.params import Conversation
from lmsi_kedro.training import Job, TrainingError
from tests.training.jobs import MakeJob


def test_folder_does_not_depend_on_example_order(
    make_job: MakeJob, examples: pl.DataFrame, base_model: Path
) -> None:
    job = make_job()
    shuffled = examples.sample(fraction=1, shuffle=True, seed=1).select(reversed(examples.columns))
    again = Job.write(job.folder.parent, shuffled, base_model, "digest", job.params)
    assert again == job
    assert again.examples.equals(examples.select(job.examples.columns))


def test_different_content_gets_another_folder(
    make_job: MakeJob, examples: pl.DataFrame, base_model: Path
) -> None:
    job = make_job()
    changed = examples.with_columns(pl.col("target") + "!")
    other = Job.write(job.folder.parent, changed, base_model, "digest", job.params)
    tuned = Job.write(job.folder.parent, examples, base_model, "other", job.params)
    slower = make_job(learning_rate=1e-5)
    folders = {job.folder, other.folder, tuned.folder, slower.folder}
    asked: dict[str, Any] = {
        "chat": "never",
        "thoughts": "keep",
        "system": "Be brief.",
        "date": date(2026, 11, 28),
    }
    for name, value in asked.items():
        conversation = Conversation(**{name: value})
        folders.add(
            Job.write(
                job.folder.parent, examples, base_model, "digest", job.params, conversation
            ).folder
        )
    assert set(asked) == set(Conversation.model_fields)
    assert len(folders) == 4 + len(asked)


def test_a_job_is_read_as_it_was_written(make_job: MakeJob) -> None:
    job = make_job()
    assert Job.read(job.folder / "job.json") == job


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_weight_that_is_not_positive_is_named(
    make_job: MakeJob, examples: pl.DataFrame, base_model: Path, weight: float | None
) -> None:
    job = make_job()
    bad = examples.with_columns(
        weight=pl.when(example_id="e07").then(pl.lit(weight, pl.Float64)).otherwise("weight")
    )
    with pytest.raises(TrainingError, match="'e07'"):
        Job.write(job.folder.parent, bad, base_model, "digest", job.params)


def test_job_without_examples_is_an_error(
    make_job: MakeJob, examples: pl.DataFrame, base_model: Path
) -> None:
    job = make_job()
    with pytest.raises(TrainingError, match="no examples"):
        Job.write(job.folder.parent, examples.clear(), base_model, "digest", job.params)
    with pytest.raises(TrainingError, match="weight"):
        Job.write(job.folder.parent, examples.drop("weight"), base_model, "digest", job.params)
