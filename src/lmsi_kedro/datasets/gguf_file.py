"""Converts a GGUF file to a model directory, which is dequantised once and cached under the file's digest.

The model is cached with those of the Hugging Face hub (HF_HOME, ~/.cache/huggingface) and not in data_root, so
that every run and every project finds it.
"""

import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from lmsi_kedro.durable import locked, partial, publish, recover

log = logging.getLogger(__name__)
# This number is part of the folder name of a converted model: increase it when the conversion changes.
RECIPE = 1
ENDS = ("eos", "eot", "eom")  # the ends of a text, of a turn, of a message
# llama.cpp stores RoPE frequencies after scaling them with these values of Llama 3; its `factor` is 32 for the
# small models and 8 for all others.
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def dequantised(file: Path) -> Path:
    """Returns the model directory of a GGUF file; raises DatasetError unless it is an intact causal LM."""
    if not file.is_file():
        raise DatasetError(f"{file} does not exist")
    try:
        import gguf  # noqa: F401  # without it transformers fails with a message of four lines
        from huggingface_hub import cached_assets_path
        from transformers import GgufConfig  # noqa: F401
    except ImportError as error:
        raise DatasetError(
            f"{file} cannot be read ({error}): pip install 'lmsi-kedro[gguf]'"
        ) from error
    final = cached_assets_path("lmsi-kedro", "gguf", digest_of(file, file.stat().st_mtime_ns))
    final = final / f"model-{RECIPE}"
    with locked(final.with_suffix(".lock"), wait=True):
        recover(final)
        if not final.exists():
            log.info("Dequantising %s to %s", file.name, final)
            model, tokenizer = converted(file)
            prepared = partial(final)
            model.save_pretrained(prepared)
            tokenizer.save_pretrained(prepared)
            publish(prepared, final)
    return final


@cache
def digest_of(file: Path, changed: int) -> str:
    """Returns the sha256 of a file's content, cached in this process until the file changes."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def converted(file: Path) -> tuple[Any, Any]:
    """Model and tokenizer, as transformers saves them; raises DatasetError if the file cannot be converted."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        fields, tensors = contents(file)
        model, tokenizer = loaded(file, number_format(tensors))
    except DatasetError:
        raise
    except Exception as error:  # numpy, struct and transformers raise a dozen kinds of errors
        reason = str(error).strip().split("\n")[0]
        raise DatasetError(
            f"{file} is damaged, or not a causal language model that transformers supports: {reason}"
        ) from error
    restore_rope(file, model.config, fields, tensors)
    ends = [fields.get(f"tokenizer.ggml.{end}_token_id") for end in ENDS]
    if len(end_ids := list(dict.fromkeys(end for end in ends if end is not None))) > 1:
        model.generation_config.eos_token_id = end_ids
    return plain(model), tokenizer


def contents(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns single-valued metadata and tensors, by name; raises DatasetError for one part of a split file."""
    from gguf import GGUFReader

    reader = GGUFReader(file)
    fields = {name: f.contents() for name, f in reader.fields.items() if len(f.data) == 1}
    if (parts := fields.get("split.count", 1)) > 1:
        raise DatasetError(
            f"{file} is one of {parts} parts: merge them with llama-gguf-split --merge"
        )
    return fields, {tensor.name: tensor for tensor in reader.tensors}


def number_format(tensors: dict[str, Any]) -> Any:
    """Returns the torch dtype for a file's weights: their own, or float16 for quantised ones.

    A quantised weight is a few bits times a float16 scale. For SmolLM2 (Q4_1), rounding the weights to float16
    changes the next-token distribution by 3e-6 nats (KL) from that of float32, which takes twice the space;
    rounding to bfloat16 changes it by 6e-5 nats.
    """
    import torch

    kinds = {t.tensor_type.name for t in tensors.values() if len(t.shape) > 1}
    plain = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
    stored = [plain.get(kind, torch.float16) for kind in kinds - {"F32"}]
    return stored[0] if len(set(stored)) == 1 else torch.float16 if stored else torch.float32


def loaded(file: Path, dtype: Any) -> tuple[Any, Any]:
    """Model and tokenizer; raises ValueError for weights that are missing, NaN or infinite."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    options: dict[str, Any] = {"gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(file.parent, **options)
    loading: Any = AutoModelForCausalLM.from_pretrained(
        file.parent,
        **options,
        dtype=dtype,
        quantization_config=GgufConfig(dequantize=True),
        output_loading_info=True,
    )
    model, info = loading
    if missing := sorted(info["missing_keys"]):
        raise ValueError(f"it lacks {', '.join(missing[:3])}")
    for name, weights in model.named_parameters():
        # Only the extremes are tested, because isfinite on all weights is 20 times as slow in float16.
        if not all(torch.isfinite(end) for end in weights.aminmax()):
            raise ValueError(f"{name} is NaN or infinite")
    return model, tokenizer


def restore_rope(file: Path, config: Any, fields: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Sets the RoPE scaling of Llama 3, which transformers ignores in GGUF files; warns of any other scaling."""
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    kind = fields.get(f"{fields['general.architecture']}.rope.scaling.type", "none")
    scaling = [name for name in tensors if name.startswith("rope_")] + [kind] * (kind != "none")
    if scaling == ["rope_freqs.weight"]:
        factors = torch.tensor(tensors[scaling[0]].data)
        default = config.rope_parameters
        frequencies = default["rope_theta"] ** -torch.arange(0, 1, 1 / len(factors))
        llama3 = {"rope_type": "llama3", "factor": round(factors.max().item(), 3), **LLAMA3}
        config.rope_parameters = default | llama3
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config)
        if torch.allclose(frequencies / factors, scaled, rtol=1e-4):
            return
        config.rope_parameters = default
    if scaling:
        log.warning("%s: its RoPE scaling (%s) is ignored", file, ", ".join(scaling))


def plain(model: Any) -> Any:
    """Copies the model without quantisation settings, because transformers cannot save a model with them."""
    import torch

    vars(model.config).pop("quantization_config", None)
    with torch.device("meta"):
        copy = type(model)(model.config)
    copy.load_state_dict(model.state_dict(), assign=True)
    copy.tie_weights()
    copy.generation_config = model.generation_config
    return copy
