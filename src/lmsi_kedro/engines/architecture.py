"""What a model's configuration tells without its weights, by the names that all architectures share."""

from datetime import date
from pathlib import Path
from typing import Any

from lmsi_kedro.params import EngineParams


def text_config(model: Path, trust_remote_code: bool) -> Any:
    """Of a model directory; of its text part if there are more."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model, trust_remote_code=trust_remote_code)
    return config.get_text_config()


def tells_date(model: Path) -> bool:
    """Whether its chat template writes the date of the day on which it is rendered."""
    files = (model / name for name in ("chat_template.jinja", "tokenizer_config.json"))
    return any("strftime_now" in file.read_text() for file in files if file.exists())


def dated(engine: EngineParams, model: Path, day: date) -> EngineParams:
    """The parameters for a model whose template is to tell this day, if it tells one and they name no other."""
    if engine.prompts.date or not tells_date(model):
        return engine
    prompts = engine.prompts.model_copy(update={"date": day})
    return engine.model_copy(update={"prompts": prompts})


def attends_fully(config: Any) -> bool:
    """In every layer: configurations name a window that no layer uses."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return all("full" in kind for kind in kinds)
    window = getattr(config, "sliding_window", None)
    return not (window and getattr(config, "use_sliding_window", True))


def numbers_per_token(config: Any) -> int:
    """Keys and values that a token leaves in all layers; none without attention."""
    heads = getattr(config, "num_attention_heads", None) or 0
    width = getattr(config, "head_dim", None) or (config.hidden_size // heads if heads else 0)
    shared = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * shared * width)


def numbers_at_work(config: Any) -> int:
    """Of each token of a prompt while a layer computes it: hidden states, and four rows of the MLP."""
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return int(4 * inner + 8 * config.hidden_size)
