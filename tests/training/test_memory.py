"""Training keeps what fits into memory: activations, freed pages, and no large buffers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from lmsi_kedro.training.launcher import rank_environment
from lmsi_kedro.training.recompute import SHARE, Recomputed, bytes_per_token
from lmsi_kedro.training.setup import deepspeed_config
from tests.training.jobs import MakeJob

# The method has another name from transformers 5.23 on.
pytestmark = pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`:FutureWarning")


@pytest.fixture
def model(base_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(base_model)


def gradients(model: Any) -> list[torch.Tensor]:
    model.zero_grad()
    ids = torch.arange(1, 40)[None]
    model(ids, labels=ids).loss.backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_as_many_layers_are_kept_as_fit(model: Any) -> None:
    layers = model.model.layers
    each = bytes_per_token(layers[0])
    recomputed = Recomputed(model, round(100 * each / SHARE) + 1)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert recomputed.fit(100 // len(layers)) == 0
    assert recomputed.fit(100) == len(layers) - 1
    assert [layer.gradient_checkpointing for layer in layers] == [True] * (len(layers) - 1) + [
        False
    ]
    assert recomputed.fit(101) == len(layers)
    assert recomputed.fit(1) == 0


def test_gradients_do_not_depend_on_the_layers_kept(model: Any) -> None:
    model.gradient_checkpointing_enable({"use_reentrant": False})
    recomputed = Recomputed(model.train(), 0)
    found = []
    for free in (0, 1 << 40):
        recomputed.budget = SHARE * free
        recomputed.fit(64)
        found.append(gradients(model))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("checkpointing", "device"), [(True, "cpu"), (False, "cpu"), (True, "cuda")]
)
def test_only_checkpointing_on_a_cpu_depends_on_memory(
    make_job: MakeJob, model: Any, checkpointing: bool, device: str
) -> None:
    from lmsi_kedro.training.target_trainer import TargetTrainer

    trainer: Any = TargetTrainer.__new__(TargetTrainer)
    trainer.job, trainer.model = make_job(gradient_checkpointing=checkpointing), model
    trainer.plan, trainer.args = (
        SimpleNamespace(processes=2),
        SimpleNamespace(device=torch.device(device)),
    )
    assert (trainer.recomputed is not None) == (checkpointing and device == "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="for training on a CPU")
def test_gradients_are_reduced_in_small_buckets(make_job: MakeJob) -> None:
    config = deepspeed_config(make_job().params)
    assert config["zero_optimization"]["reduce_bucket_size"] <= 32_000_000


def test_trainers_keep_freed_memory_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert "trim_threshold" in rank_environment(0, 2)["GLIBC_TUNABLES"]
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    assert rank_environment(0, 2)["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=0"
