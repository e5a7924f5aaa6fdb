"""Reads a model's configuration, without its weights, by field names that all architectures share."""

from datetime import date
from pathlib import Path
from typing import Any

from lmsi_kedro.params import EngineParams


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
