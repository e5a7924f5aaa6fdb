"""Trains with DeepSpeed on two processes; each launch takes about 10 s of both cores."""

import json
import shutil
import threading
import time
from pathlib import Path

import polars as pl
import psutil
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from lmsi_kedro.training import TrainingError, launcher, train
from lmsi_kedro.training.launcher import failure
from lmsi_kedro.training.setup import build_plan
from tests.training.jobs import MakeJob, plain_losses, record
from tests.training.killed import kill_after_checkpoint, sealed


def test_zero_2_and_resumed_runs_equal_plain_training(make_job: MakeJob) -> None:
    job = make_job("whole", steps=24)
    model = train(job)
    whole = record(job)
    assert whole["losses"] == pytest.approx(plain_losses(job), abs=1e-4)
    assert whole["losses"][-1] < 0.7 * whole["losses"][0]
    assert whole["stopped"]["prompts"] == 5
    assert not job.checkpoints.exists()
    assert train(job) == model

    interrupted = make_job("interrupted", steps=24)
    assert interrupted.folder.name == job.folder.name
    for checkpoint in (4, 12):
        kill_after_checkpoint(interrupted, checkpoint)
        assert not interrupted.model.exists()
    # If the kill came late, the older checkpoint was just being replaced.
    if len(sealed(interrupted)) < 2:
        kill_after_checkpoint(interrupted, 20)
    newest = max(sealed(interrupted))
    with (interrupted.checkpoints / f"checkpoint-{newest}" / "trainer_state.json").open(
        "a"
    ) as file:
        file.write("damage")
    train(interrupted)
    assert json.loads(interrupted.progress.read_text().splitlines()[0])["step"] == newest - 3
    assert record(interrupted)["losses"] == pytest.approx(whole["losses"], abs=1e-6)
    resumed = load_file(interrupted.model / "model.safetensors")
    for name, weight in load_file(model / "model.safetensors").items():
        torch.testing.assert_close(resumed[name], weight, rtol=0, atol=1e-6)


def test_zero_3_equals_plain_training_saving_all_weights(
    make_job: MakeJob, base_model: Path, examples: pl.DataFrame
) -> None:
    job = make_job(zero_stage=3, steps=4)
    train(job)
    assert record(job)["losses"] == pytest.approx(plain_losses(job), abs=1e-4)
    before = load_file(base_model / "model.safetensors")
    after = load_file(job.model / "model.safetensors")
    assert {name: weight.shape for name, weight in after.items()} == {
        name: weight.shape for name, weight in before.items()
    }
    assert not any(torch.equal(after[name], before[name]) for name in before)
    tokenizer = "tokenizer.json"
    assert (job.model / tokenizer).read_bytes() == (base_model / tokenizer).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "precision", "tolerance"),
    [
        *[(stage, "float32", 1e-4) for stage in (0, 1, 2, 3)],
        *[(stage, "bfloat16", 0.05) for stage in (1, 2, 3)],
    ],
)
def test_every_stage_trains_with_accumulation(
    make_job: MakeJob, stage: int, precision: str, tolerance: float
) -> None:
    job = make_job(zero_stage=stage, precision=precision, gradient_accumulation=2, steps=6)
    train(job)
    assert record(job)["losses"] == pytest.approx(plain_losses(job), abs=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 3])
def test_every_stage_resumes(make_job: MakeJob, stage: int) -> None:
    job = make_job(zero_stage=stage, steps=12)
    kill_after_checkpoint(job, 4)
    train(job)
    assert json.loads(job.progress.read_text().splitlines()[0])["step"] > 4
    assert record(job)["losses"] == pytest.approx(plain_losses(job), abs=1e-4)


def test_stage_0_in_bfloat16_is_refused(make_job: MakeJob) -> None:
    with pytest.raises(ValidationError, match="zero_stage 0 is for float32"):
        make_job(zero_stage=0, precision="bfloat16")


@pytest.mark.slow
def test_nan_loss_stops_with_step_and_examples(
    make_job: MakeJob, base_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(base_model, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    job = make_job(base=broken, processes=1)
    with pytest.raises(TrainingError, match=r"loss of step 1 is nan, in one of the examples e\d\d"):
        train(job)
    assert not job.model.exists()


def test_failure_shows_the_trainers_error_or_log(make_job: MakeJob) -> None:
    job = make_job()
    job.log.write_text("\n".join(f"line {n}" for n in range(100)))
    assert "line 99" in failure(job, [1, None])
    assert "line 9\n" not in failure(job, [1, None])
    job.error.write_text("This is why.")
    assert failure(job, [1, None]) == "This is why."
    assert "Process 2 of 2 of the trainer was killed, as" in failure(job, [1, -9])
    assert "Process 1 of 2 of the trainer was ended by SIGSEGV" in failure(job, [-11, 1])
    job.error.write_text("OSError: [Errno 28] No space left on device")
    assert "is full: free some space" in failure(job, [1, None])
    job.error.unlink()
    job.log.write_text("worker-2: exits with return code = -9")
    assert "A process of the trainer was killed, as" in failure(job, [1])
    job.log.write_text("")
    assert "nothing, exit statuses [3, None]" in failure(job, [3, None])


def test_full_disk_is_reported_without_an_error_message(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    job.log.write_text("")
    assert "is full" not in failure(job, [1, None])
    monkeypatch.setattr(launcher, "is_full", lambda folder: folder == job.folder)
    assert f"The disk of {job.folder} is full" in failure(job, [1, None])


def test_killed_trainer_is_reported_as_out_of_memory(make_job: MakeJob) -> None:
    job = make_job(steps=500)

    def kill_one() -> None:
        while not job.progress.exists() or not job.progress.read_text():
            time.sleep(0.05)
        trainers = psutil.Process().children()
        listening.extend(
            socket.laddr.ip
            for trainer in trainers
            for socket in trainer.net_connections()
            if socket.status == psutil.CONN_LISTEN
        )
        trainers[1].kill()

    listening: list[str] = []

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(
        TrainingError, match=r"of 2 of the trainer was killed.* memory.*training\.lora"
    ):
        train(job)
    killer.join()
    assert set(listening) == {"127.0.0.1"}, "trainers on one machine must listen on loopback only"


def test_too_small_a_batch_names_the_settings(make_job: MakeJob) -> None:
    with pytest.raises(TrainingError, match="batch_size 3 is less than"):
        build_plan(make_job(batch_size=3, gradient_accumulation=2), processes=2)
