"""Only supported models are written as GGUF files, with the split expression of their tokenizer."""

import json
from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.gguf.model import refuse_others, refuse_overflow
from lmsi_kedro.gguf.pre_tokenizers import closest
from tests.tokenizers.families import FAMILIES

BASE = Path(__file__).parents[2] / "data/06_models/base"
TEXTS = ["Q: Ben has 4 caps.\n\nA: He can't have 1,250."]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "qwen2"}, "this is qwen2; use llama.cpp's converter: python convert_hf"),
        ({"attention_bias": True}, "this is llama with attention_bias"),
        (
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
            "this is llama with rope linear",
        ),
    ],
)
def test_error_for_unsupported_models_names_the_converter(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    config = json.loads((BASE / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(ValueError, match=said):
        refuse_others(tmp_path)


def test_weights_beyond_float16_are_named() -> None:
    import torch

    layer = torch.nn.Linear(2, 2)
    refuse_overflow(layer)
    layer.bias.data[0] = float("inf")
    with pytest.raises(ValueError, match="bias has weights that float16 cannot hold"):
        refuse_overflow(layer)


@pytest.mark.parametrize(
    ("family", "split"), [("gpt2", "gpt-2"), ("llama3", "llama-bpe"), ("qwen2", "llama-bpe")]
)
def test_the_split_expression_is_found(family: str, split: str) -> None:
    """Qwen has no tokens of several digits, so Llama's expression gives the same tokens as its own."""
    assert closest(FAMILIES[family].build(), TEXTS) == (split, 0)


def test_error_for_unsupported_tokenizers_names_the_converter() -> None:
    with pytest.raises(ValueError, match="not byte-level BPE"):
        closest(FAMILIES["llama2_base"].build(), TEXTS)
