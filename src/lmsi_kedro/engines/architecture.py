"""Reads a model's configuration, without its weights, by field names that all architectures share."""

from datetime import date
from pathlib import Path
from typing import Any

from lmsi_kedro.hardware import gpus
from lmsi_kedro.kernels import dispatch
from lmsi_kedro.params import EngineParams

# The types of models that the C++ decoder supports, local.native_decoder.MODELS.
NATIVE = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
INT8_ONLY = "engine.dtype=int8 does not support {}; set engine.dtype=auto"


def text_config(model: Path, trust_remote_code: bool) -> Any:
    """Return the config of a model; for a multimodal model, the config of its text part."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model, trust_remote_code=trust_remote_code)
    return config.get_text_config()


def template_writes_date(model: Path) -> bool:
    """Whether the model's chat template writes the current date."""
    files = (model / name for name in ("chat_template.jinja", "tokenizer_config.json"))
    return any("strftime_now" in file.read_text() for file in files if file.exists())


def with_date(engine: EngineParams, model: Path, day: date) -> EngineParams:
    """Return the parameters, with this date for the chat template if it writes one and prompts.date is not set."""
    if engine.prompts.date or not template_writes_date(model):
        return engine
    prompts = engine.prompts.model_copy(update={"date": day})
    return engine.model_copy(update={"prompts": prompts})


def attends_fully(config: Any) -> bool:
    """Whether no layer has a sliding window; a window in the configuration that no layer uses does not count."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return all("full" in kind for kind in kinds)
    window = getattr(config, "sliding_window", None)
    return not (window and getattr(config, "use_sliding_window", True))


def check_int8(model: Path, trust_remote_code: bool) -> None:
    """Raises ValueError if a model cannot be sampled from with int8 weights on this machine."""
    config = text_config(model, trust_remote_code)
    if gpus():
        raise ValueError(INT8_ONLY.format("GPUs"))
    if dispatch.implementation() != "native":
        raise ValueError(INT8_ONLY.format("the reference kernels"))
    if config.model_type not in NATIVE or config.hidden_act != "silu" or not attends_fully(config):
        raise ValueError(
            INT8_ONLY.format(f"this model ({config.model_type}, see docs/sampling.md)")
        )


def cached_per_token(config: Any) -> int:
    """The number of elements of one token in the KV cache of all layers; 0 for a model without attention."""
    heads = getattr(config, "num_attention_heads", None) or 0
    width = getattr(config, "head_dim", None) or (config.hidden_size // heads if heads else 0)
    shared = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * shared * width)


def activations_per_token(config: Any) -> int:
    """The number of elements that one token takes while a layer runs: its hidden states and those of the MLP."""
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return int(4 * inner + 8 * config.hidden_size)
