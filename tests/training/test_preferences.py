"""Preference training has the paper's loss, and on two processes the same losses as plain training."""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from lmsi_kedro.params import PreferenceParams
from lmsi_kedro.training import Job, TrainingError, train
from lmsi_kedro.training.batches import PairPlan
from lmsi_kedro.training.preferences import PreferenceTrainer, preference_loss, stored
from lmsi_kedro.training.setup import build_plan
from tests.training import jobs
from tests.training.jobs import PARAMS, MakeJob, plain_losses, record
from tests.training.killed import kill_after_checkpoint


def test_one_step_has_the_papers_loss_and_gradient(make_job: MakeJob) -> None:
    """The expected loss is computed from each answer on its own; the model differs from its base."""
    job = make_job(objective="scpo")
    plan, ids = build_plan(job, processes=1)
    assert isinstance(plan, PairPlan)
    model, base = (AutoModelForCausalLM.from_pretrained(job.base_model) for _ in range(2))
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    rows = plan.rows[0].tolist()
    expected = jobs.preference_loss(model, base, plan, rows, job.params.preferences)
    gradient = torch.autograd.grad(expected, list(model.parameters()))

    trainer: Any = PreferenceTrainer.__new__(PreferenceTrainer)
    trainer.job, trainer.plan, trainer.ids = job, plan, ids
    trainer.model = trainer.model_wrapped = model
    trainer.args = SimpleNamespace(device=torch.device("cpu"))
    trainer.state = SimpleNamespace(global_step=0)
    with torch.no_grad():
        trainer.reference = torch.stack(
            [
                torch.stack([jobs.log_probability(base, each) for each in plan.sequences(row)])
                for row in range(len(ids))
            ]
        )
    (share,) = plan.shares(0)
    loss = trainer.compute_loss(model, {"rows": share})
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    found = torch.autograd.grad(loss, list(model.parameters()))
    flat, right = (torch.cat([part.flatten() for part in each]) for each in (found, gradient))
    assert (flat - right).norm() < 1e-5 * right.norm()


def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random log-probabilities [pairs, 2] of a model and of its base, and the lengths of the chosen answers."""
    torch.manual_seed(0)
    return -50 * torch.rand(7, 2), -50 * torch.rand(7, 2), torch.arange(1, 8)


def test_loss_without_likelihood_is_dpo() -> None:
    logs, reference, lengths = drawn()
    (chosen, rejected), (before, other) = logs.T, reference.T
    ratio = (chosen - rejected) - (before - other)
    loss = preference_loss(logs, reference, lengths, PreferenceParams(beta=0.3, nll=0))
    torch.testing.assert_close(loss, -torch.log(torch.sigmoid(0.3 * ratio)), rtol=1e-5, atol=1e-6)


def test_loss_without_likelihood_equals_trls() -> None:
    """DPOTrainer computes its own loss from the same log-probabilities."""
    trl = pytest.importorskip("trl.trainer.dpo_trainer")
    logs, reference, lengths = drawn()
    tokens = torch.ones(14, 5)
    nothing = torch.zeros(14, 4)
    given = torch.cat([*logs.T])[:, None].expand(14, 4) / 4
    outputs = SimpleNamespace(
        log_probs=given, entropy=nothing, mean_logits=nothing, is_top1=nothing.bool()
    )
    same = SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x)
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=same, aux_loss_enabled=False, ld_alpha=None,
        precompute_ref_logps=True, f_divergence_type="reverse_kl", loss_types=["sigmoid"], loss_weights=[1.0],
        beta=0.1, label_smoothing=0.0, use_weighting=False, _tp_size=1, _total_train_tokens=0,
        _metrics=defaultdict(lambda: defaultdict(list)),
    )  # fmt: skip
    inputs = {"input_ids": tokens.long(), "attention_mask": tokens, "completion_mask": tokens}
    inputs |= dict(zip(("ref_chosen_logps", "ref_rejected_logps"), reference.T, strict=True))
    theirs = trl.DPOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, False)
    ours = preference_loss(logs, reference, lengths, PreferenceParams(beta=0.1, nll=0)).mean()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_parallel_and_resumed_runs_equal_plain_training(make_job: MakeJob) -> None:
    job = make_job("whole", objective="scpo", steps=16)
    train(job)
    whole = record(job)
    assert whole["losses"] == pytest.approx(plain_losses(job), abs=1e-4)
    assert whole["losses"][-1] < whole["losses"][0]
    assert whole["params"]["objective"] == "scpo"

    interrupted = make_job("interrupted", objective="scpo", steps=16)
    kill_after_checkpoint(interrupted, 4)
    reference = interrupted.reference.stat()
    train(interrupted)
    assert interrupted.reference.stat().st_mtime_ns == reference.st_mtime_ns
    assert record(interrupted)["losses"] == pytest.approx(whole["losses"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"zero_stage": 3}, {"gradient_accumulation": 2}, {"zero_stage": 0, "processes": 1}]
)
def test_every_stage_trains_on_pairs(make_job: MakeJob, given: dict[str, int]) -> None:
    job = make_job(objective="scpo", steps=4, **given)
    train(job)
    assert record(job)["losses"] == pytest.approx(plain_losses(job), abs=1e-4)


def test_damaged_reference_is_not_reused(make_job: MakeJob) -> None:
    job = make_job(objective="scpo")
    assert stored(job.reference, ["e01"]) is None
    job.reference.write_bytes(b"PAR1 and no more")
    assert stored(job.reference, ["e01"]) is None


def test_pair_without_rejected_path_is_an_error(
    make_job: MakeJob, examples: pl.DataFrame, base_model: Path
) -> None:
    params = make_job().params.model_copy(update={"objective": "scpo"})
    with pytest.raises(TrainingError, match="rejected"):
        Job.write(make_job().folder.parent, examples, base_model, "digest", params)


def test_scpo_settings_do_not_change_sft_jobs(make_job: MakeJob) -> None:
    """The digest of an sft job contains none of them; it changes only with the trainer's recipe."""
    assert make_job().folder.name == "ceb74a2eeb47304d0b428b0c9f8548af"
    assert make_job(preferences={"beta": 0.5}).folder == make_job().folder
    paired = make_job(objective="scpo")
    assert paired.folder != make_job().folder
    assert make_job(objective="scpo", preferences={"beta": 0.5}).folder != paired.folder
    assert Job.read(paired.folder / "job.json").params.preferences == PreferenceParams()
    assert "objective" not in make_job().params.model_dump()
    assert PARAMS.keys() == make_job().params.model_dump().keys()
