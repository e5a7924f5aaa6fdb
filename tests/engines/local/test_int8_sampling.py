"""Sampling with int8 weights: the same paths in every batch, or an error before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoConfig

from lmsi_kedro.engines import architecture
from lmsi_kedro.engines.architecture import DECODER_TYPES, check_int8
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine, engine
from lmsi_kedro.engines.local.native_decoder import MODELS, NativeDecoder
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.kernels import dispatch
from lmsi_kedro.params import Sampling
from tests.kernels.instruction_sets import ISAS, supported

ROOT = Path(__file__).parents[3]
BASE = ROOT / "data/06_models/base"
LINES = (ROOT / "data/01_raw/questions.jsonl").read_text().splitlines()[:10]
PROMPTS = [f"Q: {json.loads(line)['question']}\nA:" for line in LINES]
REQUESTS = [Request(f"q{i}", prompt, range(16)) for i, prompt in enumerate(PROMPTS)]
SAMPLING = Sampling(temperature=1.0, max_new_tokens=64, seed=3)


def sampled(isa: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    monkeypatch.setenv("LMSI_ISA", isa)
    return LocalEngine(BASE, torch.int8, rows=rows).sample(REQUESTS, SAMPLING)


def isas() -> list[str]:
    return [isa for isa in ISAS if supported(isa)]


def test_paths_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    first = sampled(isas()[-1], 64, monkeypatch).sort("question_id", "path")
    assert first["text"].n_unique() > 20
    for rows in (1, 24):
        assert sampled(isas()[-1], rows, monkeypatch).sort("question_id", "path").equals(first)


def test_instruction_sets_change_few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference in the last bit of an input may move it by 1/127 of the largest one."""
    first, *others = (sampled(isa, 64, monkeypatch)["text"].to_numpy() for isa in isas())
    for isa, other in zip(isas()[1:], others, strict=True):
        assert (first != other).mean() <= 0.02, isa


def test_only_linear_layers_are_int8() -> None:
    made = LocalEngine(BASE, torch.int8)
    assert isinstance(made.decoder, NativeDecoder)
    assert made.model.dtype == torch.bfloat16
    assert made.model.get_input_embeddings().weight.dtype == torch.bfloat16
    one, bfloat16, exact = (
        log_probabilities(each)
        for each in (made, LocalEngine(BASE, torch.bfloat16), LocalEngine(BASE, torch.float32))
    )
    divergence = (exact.exp() * (exact - one)).sum(-1)
    assert divergence.mean() < 0.02
    assert not torch.equal(one, exact)
    assert not torch.equal(one, bfloat16)


@torch.inference_mode()
def log_probabilities(made: LocalEngine) -> torch.Tensor:
    """Those of the first token after each prompt."""
    prompts = made.encoder.prompts([request.prompt for request in REQUESTS])
    made.decoder.start(prompts, len(prompts), 2)
    logits: torch.Tensor = made.decoder.add(torch.arange(len(prompts)))
    return logits.float().log_softmax(-1)


def test_model_types_are_those_of_the_decoder() -> None:
    models: Any = MODELS
    assert set(DECODER_TYPES) == {kind.config_class.model_type for kind in models}


def with_config(kind: str, folder: Path, **changed: Any) -> Path:
    AutoConfig.for_model(kind, **changed).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "changed", "reason"),
    [
        ("gpt2", {}, "its architecture is gpt2"),
        ("llava", {}, "its architecture is llava"),  # its text part is a llama
        ("llama", {"hidden_act": "gelu"}, "its activation is gelu"),
        ("mistral", {"sliding_window": 8}, "it has a sliding window"),
        ("llama", {"head_dim": 320}, "its heads are wider than 256"),
    ],
)
def test_unsupported_models_are_refused(
    kind: str, changed: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    model = with_config(kind, tmp_path, **changed)
    assert refusal(model) == (
        f"engine.dtype=int8 does not support this model ({reason}, see docs/sampling.md); set engine.dtype=auto"
    )


@pytest.mark.parametrize(
    ("prepare", "what", "remedy"),
    [
        (
            lambda m: m.setenv("LMSI_KERNELS", "reference"),
            "the reference kernels",
            "unset LMSI_KERNELS",
        ),
        (
            lambda m: m.setattr(dispatch, "is_built", lambda: False),
            "the reference kernels, and the C++ kernels are not built",
            "build them: pip install --no-deps -e .",
        ),
        (
            lambda m: m.setattr(architecture, "gpus", lambda: 1),
            "GPUs",
            "hide them with CUDA_VISIBLE_DEVICES=",
        ),
    ],
)
def test_unsupported_machines_are_refused(
    prepare: Callable[[Any], None], what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch)
    assert refusal(BASE) == (
        f"engine.dtype=int8 does not support {what}; set engine.dtype=auto, or {remedy}"
    )


def refusal(model: Path) -> str:
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the whole message is compared
        check_int8(model, False)
    return str(error.value)


def test_model_that_fails_the_trial_falls_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its steps run module by module, over the same int8 layers."""
    one = log_probabilities(LocalEngine(BASE, torch.int8))
    caplog.set_level("INFO")
    monkeypatch.setattr(engine, "unsupported_reason", fails_in_cpp)
    made = LocalEngine(BASE, torch.int8)
    assert type(made.decoder) is TreeDecoder
    assert "Steps run module by module: its logits differ" in caplog.text
    other = log_probabilities(made)
    assert (one.exp() * (one - other)).sum(-1).mean() < 0.002


def fails_in_cpp(decoder: type, *given: Any) -> str | None:
    return "its logits differ" if decoder is NativeDecoder else None
