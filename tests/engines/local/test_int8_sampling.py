"""Sampling with int8 weights: the same texts on every instruction set and in every batch, or an error before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoConfig

from lmsi_kedro.engines import architecture
from lmsi_kedro.engines.architecture import NATIVE, check_int8
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine, engine
from lmsi_kedro.engines.local.native_decoder import MODELS, NativeDecoder
from lmsi_kedro.params import Sampling
from tests.kernels.sampling.cases import supported

ROOT = Path(__file__).parents[3]
BASE = ROOT / "data/06_models/base"
LINES = (ROOT / "data/01_raw/questions.jsonl").read_text().splitlines()[:10]
PROMPTS = [f"Q: {json.loads(line)['question']}\nA:" for line in LINES]
REQUESTS = [Request(f"q{i}", prompt, range(8)) for i, prompt in enumerate(PROMPTS)]
SAMPLING = Sampling(temperature=1.0, max_new_tokens=64, seed=3)


def sampled(isa: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    monkeypatch.setenv("LMSI_ISA", isa)
    return LocalEngine(BASE, torch.int8, rows=rows).sample(REQUESTS, SAMPLING)


def test_chunk_depends_neither_on_instruction_set_nor_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    isas = [isa for isa in ("scalar", "avx2", "avx512", "avx512bf16") if supported(isa)]
    first, *others = [sampled(isa, 64, monkeypatch) for isa in isas]
    assert first["text"].n_unique() > 20
    for isa, other in zip(isas[1:], others, strict=True):
        assert other["text"].to_list() == first["text"].to_list(), isa
    monkeypatch.setenv("LMSI_ISA", isas[-1])
    for rows in (1, 24):
        table = sampled(isas[-1], rows, monkeypatch)
        assert table.sort("question_id", "path").equals(
            [first, *others][-1].sort("question_id", "path")
        )


def test_only_linear_layers_are_int8() -> None:
    made = LocalEngine(BASE, torch.int8)
    assert isinstance(made.decoder, NativeDecoder)
    assert made.model.dtype == torch.bfloat16
    exact = LocalEngine(BASE, torch.float32)
    prompts = made.encoder.prompts([request.prompt for request in REQUESTS])
    logits = []
    for each in (made, exact):
        with torch.inference_mode():
            each.decoder.start(prompts, 10, 2)
            logits.append(each.decoder.add(torch.arange(10)).float())
    one, other = (part.log_softmax(-1) for part in logits)
    divergence = (other.exp() * (other - one)).sum(-1)
    assert divergence.mean() < 0.02
    assert not torch.equal(one, other)


def test_model_types_are_those_of_the_decoder() -> None:
    models: Any = MODELS
    assert set(NATIVE) == {kind.config_class.model_type for kind in models}


def with_config(kind: str, folder: Path, **changed: Any) -> Path:
    AutoConfig.for_model(kind, **changed).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "changed", "prepare", "what"),
    [
        ("gpt2", {}, None, "this model (gpt2, see docs/sampling.md)"),
        ("llama", {"hidden_act": "gelu"}, None, "this model (llama, see docs/sampling.md)"),
        ("mistral", {"sliding_window": 8}, None, "this model (mistral, see docs/sampling.md)"),
        ("llama", {}, lambda m: m.setenv("LMSI_KERNELS", "reference"), "the reference kernels"),
        ("llama", {}, lambda m: m.setattr(architecture, "gpus", lambda: 1), "GPUs"),
    ],
)
def test_unsupported_models_and_machines_are_refused(
    kind: str, changed: dict[str, Any], prepare: Callable[[Any], None] | None, what: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    model = with_config(kind, tmp_path, **changed)
    if prepare:
        prepare(monkeypatch)
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the whole message is compared
        check_int8(model, False)
    assert str(error.value) == f"engine.dtype=int8 does not support {what}; set engine.dtype=auto"


def test_model_that_fails_the_trial_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "unsupported_reason", lambda *given: "its logits differ")
    with pytest.raises(ValueError, match=r"does not support this model: its logits differ; set"):
        LocalEngine(BASE, torch.int8)
