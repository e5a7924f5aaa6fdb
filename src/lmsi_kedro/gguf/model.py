"""Converts a model directory to a GGUF file; an unsupported model is an error."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lmsi_kedro.gguf.pre_tokenizers import closest
from lmsi_kedro.gguf.writer import write_gguf
from lmsi_kedro.model_files import load_model

PLAIN = {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu"}
ROPES = ("default", "llama3")


class Written(NamedTuple):
    """The weights in float16 and the tokenizer of a written file.

    split: llama.cpp's name for the split expression; different: the number of prompts for which llama.cpp's tokens
    differ from those of the tokenizer.
    """

    weights: Any
    tokenizer: Any
    split: str
    different: int


def write_model(model: Path, file: Path, prompts: Sequence[str]) -> Written:
    """Writes matrices in float16 and vectors in float32; ValueError for unsupported models.

    The split expression is the one that agrees with the tokenizer on the most prompts.
    """
    import torch
    from transformers import AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise ValueError("GGUF needs its package: pip install 'lmsi-kedro[gguf]'") from error
    disable_progress_bar()
    refuse_others(model)
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    split, different = closest(tokenizer, prompts)
    weights = load_model(model, torch.float16, False)
    refuse_overflow(weights)
    write_gguf(file, weights, tokenizer, split)
    return Written(weights, tokenizer, split, different)


def refuse_others(path: Path) -> None:
    """Raises ValueError for an unsupported model; the message names llama.cpp's converter."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(path)
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    unlike = [name for name, usual in PLAIN.items() if getattr(config, name, usual) != usual]
    unlike += [f"rope {rope}"] * (rope not in ROPES)
    if config.model_type != "llama" or unlike:
        what = " with ".join([config.model_type, *unlike])
        raise ValueError(
            f"{path}: only plain Llama-type models can be converted to GGUF, and this is {what}; use llama.cpp's"
            f" converter: python convert_hf_to_gguf.py {path} --outtype f16"
        )


def refuse_overflow(model: Any) -> None:
    """Raises ValueError for weights beyond the range of float16."""
    import torch

    for name, weights in model.named_parameters():
        if not all(torch.isfinite(end) for end in weights.aminmax()):
            raise ValueError(f"{name} has weights that float16 cannot hold: export `model` instead")
