import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, TrainingParams
from lmsi_kedro.pipelines.fine_tuning.nodes import choose_training, fine_tune
from lmsi_kedro.training import Job, TrainingError
from lmsi_kedro.training.launcher import finished
from tests.stores import DAY
from tests.training.unreadable import unreadable

PARAMS = TrainingParams(
    steps="auto",
    batch_size=1,
    learning_rate="auto",
    warmup_ratio=0,
    weight_decay=0,
    max_grad_norm=1,
    seed=0,
    processes=1,
    hostfile=None,
    zero_stage=0,
    offload="none",
    precision="auto",
    gradient_accumulation=1,
    gradient_checkpointing=False,
    lora=None,
    checkpoint_every=1,
)


ENGINE = EngineParams(
    executor="processes",
    ray_address=None,
    workers=1,
    dtype="float32",
    paths_per_chunk=8,
    rows=8,
    chat="auto",
    trust_remote_code=False,
    skip_too_long=False,
)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A finished job."""
    base = tmp_path / "base"
    base.mkdir()
    for part in ("config.json", "tokenizer.json"):
        (base / part).write_text(part)
    examples = pl.DataFrame({"example_id": "e", "prompt": "A:", "target": " 1.", "weight": 1.0})
    save_file({"weight": np.zeros(20_000_000, np.int8)}, base / "model.safetensors")
    model = Model.at(base)
    training = choose_training(examples, model, PARAMS)
    assert (training.steps, training.learning_rate) == (5, 1e-4)
    job = Job.write(tmp_path / "jobs", examples, model.path, model.digest, training)
    shutil.copytree(base, job.model)
    (job.model / "training.json").write_text(json.dumps({"digest": model.digest}))
    return job


def test_finished_job_is_reused(job: Job, tmp_path: Path) -> None:
    base = Model.at(job.base_model)
    tuned = fine_tune(job.examples, base, job.params, ENGINE, str(tmp_path / "jobs"), DAY)
    assert tuned == Model(job.model, base.digest)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "training.json"]
)
@pytest.mark.parametrize("content", [None, b"", b"{}", b"half"])
def test_damaged_model_of_a_finished_job_is_retrained(
    job: Job, name: str, content: bytes | None
) -> None:
    assert finished(job)
    path = job.model / name
    path.unlink() if content is None else path.write_bytes(content)
    assert not finished(job)
    assert not job.model.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "training.json", "."])
def test_temporarily_unreadable_model_is_not_deleted(
    job: Job, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable(monkeypatch, (job.model / name).resolve())
    with pytest.raises(TrainingError, match=r"cannot be read: .*the same command resumes"):
        finished(job)
    monkeypatch.undo()
    assert finished(job)
