"""Reads a model's configuration, without its weights, by field names that all architectures share.

`check_int8` also looks at the machine, so that a run stops before it begins if it cannot use int8 weights.
"""

from datetime import date
from pathlib import Path
from typing import Any

from lmsi_kedro.hardware import gpus
from lmsi_kedro.kernels import dispatch
from lmsi_kedro.params import EngineParams

# The types of models that the C++ decoder supports, local.native_decoder.MODELS.
DECODER_TYPES = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
WIDEST_HEAD = 256  # kMaxWidth in csrc/attention/lanes.hpp
INT8_UNSUPPORTED = "engine.dtype=int8 does not support {}; set engine.dtype=auto"


def text_config(model: Path, trust_remote_code: bool) -> Any:
    """Return the config of a model; for a multimodal model, the config of its text part."""
    return whole_config(model, trust_remote_code).get_text_config()


def whole_config(model: Path, trust_remote_code: bool) -> Any:
    """Return the config of a model, with all its parts."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(model, trust_remote_code=trust_remote_code)


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
    if gpus():
        hide = ", or hide them with CUDA_VISIBLE_DEVICES="
        raise ValueError(INT8_UNSUPPORTED.format("GPUs") + hide)
    if dispatch.implementation() != "native":
        what, remedy = "the reference kernels", f"unset {dispatch.VARIABLE}"
        if not dispatch.is_built():
            what, remedy = f"{what}, and the C++ kernels are not built", dispatch.BUILD
        raise ValueError(f"{INT8_UNSUPPORTED.format(what)}, or {remedy}")
    reason = beyond_decoder(whole_config(model, trust_remote_code))
    if reason:
        raise ValueError(INT8_UNSUPPORTED.format(f"this model ({reason}, see docs/sampling.md)"))


def beyond_decoder(config: Any) -> str | None:
    """Why the C++ decoder does not support the model with this config; None if nothing in it says so."""
    if config.model_type not in DECODER_TYPES:  # a multimodal model has a type of its own
        return f"its architecture is {config.model_type}"
    if config.hidden_act != "silu":
        return f"its activation is {config.hidden_act}"
    if not attends_fully(config):
        return "it has a sliding window"
    if head_width(config) > WIDEST_HEAD:
        return f"its heads are wider than {WIDEST_HEAD}"
    return None


def head_width(config: Any) -> int:
    """The width of an attention head; 0 for a model without attention."""
    heads = getattr(config, "num_attention_heads", None) or 0
    return int(getattr(config, "head_dim", None) or (config.hidden_size // heads if heads else 0))


def cached_per_token(config: Any) -> int:
    """The number of elements of one token in the KV cache of all layers; 0 for a model without attention."""
    heads = getattr(config, "num_attention_heads", None) or 0
    shared = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * shared * head_width(config))


def activations_per_token(config: Any) -> int:
    """The number of elements that one token takes while a layer runs: its hidden states and those of the MLP."""
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return int(4 * inner + 8 * config.hidden_size)
