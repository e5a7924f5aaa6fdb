"""A GGUF file as a model directory: dequantised once, and kept by the file's digest beside the hub's models.

There (HF_HOME, ~/.cache/huggingface) and not under a run's data_root, because it belongs to the file: every run
and every project finds it, as it finds a model of the hub.
"""

import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from lmsi_kedro.durable import locked, partial, publish, recover

log = logging.getLogger(__name__)
# Part of every path: raise it when other files are made from the same GGUF file.
RECIPE = 1
ENDS = ("eos", "eot", "eom")  # of a text, of a turn, of a message
# llama.cpp stores what these, Llama 3's, make of its frequencies; `factor` is 8, of the small models 32.
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def dequantised(file: Path) -> Path:
    """The model directory of a GGUF file; DatasetError if it is damaged or no causal language model."""
    if not file.is_file():
        raise DatasetError(f"{file} does not exist")
    try:
        import gguf  # noqa: F401  # else transformers fails, in four lines
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
    """sha256 of a file's content, computed again in a process only when the file has changed."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def converted(file: Path) -> tuple[Any, Any]:
    """Model and tokenizer, as transformers saves them; DatasetError for a file that gives none."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        fields, tensors = contents(file)
        model, tokenizer = loaded(file, number_format(tensors))
    except DatasetError:
        raise
    except Exception as error:  # of numpy, struct and transformers, a dozen kinds
        said = str(error).strip().split("\n")[0]
        raise DatasetError(
            f"{file} is damaged, or no causal language model that transformers reads: {said}"
        ) from error
    restore_rope(file, model.config, fields, tensors)
    ends = [fields.get(f"tokenizer.ggml.{end}_token_id") for end in ENDS]
    if len(known := list(dict.fromkeys(end for end in ends if end is not None))) > 1:
        model.generation_config.eos_token_id = known
    return plain(model), tokenizer


def contents(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Single-valued metadata, and tensors, by name; DatasetError for one part of a split file."""
    from gguf import GGUFReader

    reader = GGUFReader(file)
    fields = {name: f.contents() for name, f in reader.fields.items() if len(f.data) == 1}
    if (parts := fields.get("split.count", 1)) > 1:
        raise DatasetError(
            f"{file} is one of {parts} parts: llama-gguf-split --merge makes one file of them"
        )
    return fields, {tensor.name: tensor for tensor in reader.tensors}


def number_format(tensors: dict[str, Any]) -> Any:
    """The torch dtype that keeps a file's weights: their own, or float16 for quantised ones.

    A quantised weight is a few bits times a float16 scale. With weights rounded to float16 the next tokens of
    SmolLM2 (Q4_1) are 3e-6 nats (KL) from those with float32 weights, which take twice the room; bfloat16: 6e-5.
    """
    import torch

    kinds = {t.tensor_type.name for t in tensors.values() if len(t.shape) > 1}
    plain = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
    stored = [plain.get(kind, torch.float16) for kind in kinds - {"F32"}]
    return stored[0] if len(set(stored)) == 1 else torch.float16 if stored else torch.float32


def loaded(file: Path, dtype: Any) -> tuple[Any, Any]:
    """Model and tokenizer; ValueError names weights that the file lacks or that are NaN or infinite."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    given: dict[str, Any] = {"gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(file.parent, **given)
    loading: Any = AutoModelForCausalLM.from_pretrained(
        file.parent,
        **given,
        dtype=dtype,
        quantization_config=GgufConfig(dequantize=True),
        output_loading_info=True,
    )
    model, info = loading
    if missing := sorted(info["missing_keys"]):
        raise ValueError(f"it lacks {', '.join(missing[:3])}")
    for name, weights in model.named_parameters():
        # isfinite takes 20 times as long in float16.
        if not all(torch.isfinite(end) for end in weights.aminmax()):
            raise ValueError(f"{name} is NaN or infinite")
    return model, tokenizer


def restore_rope(file: Path, config: Any, fields: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Sets the RoPE scaling of Llama 3, which transformers does not read; warns of any other."""
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
        log.warning("%s: its RoPE scaling (%s) is left out", file, ", ".join(scaling))


def plain(model: Any) -> Any:
    """The model without the marks of a quantised one, which transformers refuses to save."""
    import torch

    vars(model.config).pop("quantization_config", None)
    with torch.device("meta"):
        copy = type(model)(model.config)
    copy.load_state_dict(model.state_dict(), assign=True)
    copy.tie_weights()
    copy.generation_config = model.generation_config
    return copy
