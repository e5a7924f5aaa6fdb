"""Base models in every number format are trained in every precision and ZeRO stage, with and without LoRA."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from lmsi_kedro.model_files import number_format
from lmsi_kedro.training import Job, TrainingError, train
from lmsi_kedro.training.saving import compare, loaded_back
from tests.training.jobs import record

LORA = {"rank": 4, "alpha": 8.0, "targets": ["q_proj", "v_proj"]}
FORMATS = ("float32", "bfloat16", "float16")
# Each process of a trainer takes 5 s of one core, so only two cases are not slow.
QUICK = [("bfloat16", "float32", 2, None), ("float16", "bfloat16", 3, LORA)]
CASES = [
    case
    for case in product(FORMATS, ("float32", "bfloat16"), (0, 1, 2, 3), (None, LORA))
    if case[1:3] != ("bfloat16", 0)
] + [(stored, "auto", 2, None) for stored in FORMATS]
MATRIX = [
    pytest.param(
        *case,
        id="-".join(map(str, (*case[:2], f"zero{case[2]}", "lora" if case[3] else "whole"))),
        marks=() if case in QUICK else pytest.mark.slow,
    )
    for case in CASES
]


@pytest.fixture(scope="session")
def bases(base_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny base model in each format."""
    made = {}
    for stored in FORMATS:
        made[stored] = tmp_path_factory.mktemp(stored)
        for file in base_model.glob("tokenizer*"):
            (made[stored] / file.name).write_bytes(file.read_bytes())
        model: Any = AutoModelForCausalLM.from_pretrained(base_model, dtype=getattr(torch, stored))
        model.save_pretrained(made[stored])
    return made


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21
@pytest.mark.parametrize(("stored", "precision", "stage", "lora"), MATRIX)
def test_trained_model_keeps_its_number_format(
    make_job: Callable[..., Job], bases: dict[str, Path], stored: str, precision: str, stage: int,
    lora: dict[str, Any] | None,
) -> None:  # fmt: skip
    job = make_job(
        base=bases[stored], processes=1, steps=3, precision=precision, zero_stage=stage, lora=lora
    )
    model = train(job)
    assert number_format(model) == stored
    loaded: Any = AutoModelForCausalLM.from_pretrained(model)
    assert str(loaded.dtype) == f"torch.{stored}"
    before: Any = AutoModelForCausalLM.from_pretrained(bases[stored])
    changed = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(loaded.state_dict()[changed], before.state_dict()[changed])
    if precision != "auto":
        assert record(job)["precision"] == precision


@pytest.mark.parametrize("stored", FORMATS)
def test_saved_model_must_equal_the_trained_one(bases: dict[str, Path], stored: str) -> None:
    """A changed norm and a change in the last bits of one weight are both detected."""
    trained: Any = AutoModelForCausalLM.from_pretrained(bases[stored]).eval()
    weights = dict(trained.named_parameters())
    loaded = loaded_back(bases[stored], trained, weights, False)
    batch = {"input_ids": torch.arange(5, 30).unsqueeze(0), "positions": torch.arange(10)}
    live = trained(batch["input_ids"]).logits[0, :10].detach().float()
    compare(live, loaded, "sdpa", batch)
    with torch.no_grad():
        loaded.model.norm.weight.mul_(1.5)
    with pytest.raises(TrainingError, match="The saved model is not the trained one"):
        compare(live, loaded, "sdpa", batch)
    name = "model.layers.1.mlp.up_proj.weight"
    weights[name] = weights[name].detach().clone()
    weights[name][3, 5] *= 1 + 2 * torch.finfo(trained.dtype).eps
    with pytest.raises(TrainingError, match=rf"does not load back: {name} differs"):
        loaded_back(bases[stored], trained, weights, False)
