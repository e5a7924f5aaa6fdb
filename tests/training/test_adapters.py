"""LoRA adapters are trained, saved and merged; options that save memory do not change the losses."""

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lmsi_kedro.params import LoraParams
from lmsi_kedro.training import TrainingError, train
from lmsi_kedro.training.adapters import check_targets
from tests.training.jobs import MakeJob, plain_losses, record

LORA = {"rank": 4, "alpha": 8.0, "targets": ["q_proj", "v_proj"]}


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21
@pytest.mark.parametrize("stage", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_adapters_are_trained_saved_and_merged(
    make_job: MakeJob, base_model: Path, stage: int
) -> None:
    job = make_job(lora=LORA, zero_stage=stage, steps=12, learning_rate=0.03)
    model = train(job)
    losses = record(job)["losses"]
    assert losses[-1] < 0.9 * losses[0]
    before, after = (load_file(folder / "model.safetensors") for folder in (base_model, model))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "q_proj" in name or "v_proj" in name}
    base = AutoModelForCausalLM.from_pretrained(base_model)
    tokens = torch.arange(5, 30).unsqueeze(0)
    separate = PeftModel.from_pretrained(base, model / "adapter")(tokens).logits
    together = AutoModelForCausalLM.from_pretrained(model)(tokens).logits
    torch.testing.assert_close(separate, together, rtol=1e-4, atol=1e-4)


def test_a_target_without_a_module_is_named(base_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_model)
    check_targets(model, LoraParams(rank=2))
    with pytest.raises(TrainingError, match=r"targets: no linear module .* called 'query'.*q_proj"):
        check_targets(model, LoraParams(rank=2, targets=["q_proj", "query"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [{"gradient_checkpointing": True}, {"offload": "optimizer"}, {"offload": "all", "zero_stage": 3}],
    ids=str,
)  # fmt: skip
def test_memory_options_do_not_change_losses(make_job: MakeJob, changed: dict[str, object]) -> None:
    job = make_job(steps=6, **changed)
    train(job)
    assert record(job)["losses"] == pytest.approx(plain_losses(job), abs=1e-4)
    assert (
        json.loads((job.folder / "job.json").read_text())["params"] | changed
        == job.params.model_dump()
    )


def test_offload_needs_a_sharding_stage(make_job: MakeJob) -> None:
    with pytest.raises(ValidationError, match="offload=all needs zero_stage 3, not 2"):
        make_job(offload="all")
    with pytest.raises(
        ValidationError, match="offload=optimizer needs zero_stage 1 or more, not 0"
    ):
        make_job(offload="optimizer", zero_stage=0)
