"""Finds the files of a model in its directory, and the number and format of its weights.

Counts and formats are read from the headers of the weight files, which takes milliseconds for any model size.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, Literal, get_args

from safetensors import SafetensorError, safe_open

from lmsi_kedro.printable import counted

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# This file says how the model was made; it does not affect what the model computes.
RECORD = "training.json"
ADAPTER = "adapter"
LICENSES = {"LICENSE", "NOTICE"}
# Configuration, tokenizer and, for trust_remote_code, code.
SETTINGS = {".json", ".model", ".txt", ".jinja", ".tiktoken", ".py"}
NumberFormat = Literal["float32", "bfloat16", "float16"]
FORMATS: dict[str, NumberFormat] = dict(
    zip(("F32", "BF16", "F16"), get_args(NumberFormat), strict=True)
)


def weight_names(model: Path) -> list[str]:
    """Returns the files from which transformers loads weights: model.safetensors, or else the shards of its index.

    Other files, such as `consolidated.safetensors` in Mistral's repositories, contain the same weights again.
    Raises ValueError if the index is damaged.
    """
    if (model / WHOLE).exists() or not (model / INDEX).exists():
        return [WHOLE]
    try:
        names = sorted(set(json.loads((model / INDEX).read_text())["weight_map"].values()))
        outside = [name for name in names if Path(name).name != name]
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"{model / INDEX} is damaged: it has no weight_map") from error
    if outside:
        raise ValueError(f"{model / INDEX} names {outside[0]!r}, which is not a file in its folder")
    return names


def load_model(model: Path, dtype: Any, trust_remote_code: bool) -> Any:
    """Loads a causal language model with the weights of `weight_names` and no others.

    Raises ValueError if weights are missing or have a wrong shape: transformers would initialise them randomly.
    """
    from transformers import AutoModelForCausalLM

    loading: Any = AutoModelForCausalLM.from_pretrained(
        model,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # otherwise the error would not name the weights
    )
    loaded, info = loading
    if unlike := sorted(info["mismatched_keys"]):
        name, found, wanted = unlike[0]
        raise ValueError(
            f"{model}: the weight {name} has the shape {list(found)}, but config.json requires {list(wanted)}: "
            "they belong to different models"
        )
    if missing := sorted(info["missing_keys"]):
        named = ", ".join(missing[:3])
        raise ValueError(
            f"{model} lacks {counted(len(missing), 'weight')} of its architecture, {named}: fetch it again"
        )
    return loaded


def check_settings(model: Path) -> None:
    """Raises ValueError if a file of the configuration or the tokenizer is damaged."""
    for file in sorted(model.glob("*.json")):
        try:
            json.loads(file.read_bytes())
        except ValueError as error:
            raise ValueError(f"{file} is damaged, fetch it again: {error}") from None


def setting_files(model: Path) -> list[Path]:
    """Returns the files of configuration and tokenizer, which also determine what a model computes."""
    return [file for file in model.iterdir() if file.suffix in SETTINGS and file.name != RECORD]


def content_files(model: Path) -> list[Path]:
    """Returns the files of weights, configuration and tokenizer, sorted."""
    return sorted([*setting_files(model), *(model / name for name in weight_names(model))])


def content_digest(model: Path) -> str:
    """Returns the sha256 over names and contents of weights, tokenizer and configuration."""
    digest = hashlib.sha256()
    for file in content_files(model):
        with file.open("rb") as content:
            inner = hashlib.file_digest(content, "sha256")
        digest.update(f"{file.name}\0{inner.hexdigest()}\n".encode())
    return digest.hexdigest()


def licenses(model: Path) -> list[Path]:
    return [file for file in model.iterdir() if file.stem.upper() in LICENSES]


def tensors(model: Path) -> Iterator[tuple[str, int]]:
    """Yields the safetensors type and number of elements of each tensor; raises ValueError for a damaged file."""
    for name in weight_names(model):
        try:
            with safe_open(model / name, framework="numpy") as weights:
                for key in weights.keys():  # noqa: SIM118  # not a dict
                    tensor = weights.get_slice(key)
                    yield tensor.get_dtype(), prod(tensor.get_shape())
        except SafetensorError as error:
            raise ValueError(f"{model / name} is damaged, fetch it again: {error}") from error


def count_parameters(model: Path) -> int:
    """Returns the number of parameters in a model directory; tensors stored twice count twice."""
    return sum(elements for _, elements in tensors(model))


def number_format(model: Path) -> NumberFormat:
    """Returns the format of most weights, or float32 if this project does not save weights in that format."""
    elements = Counter[str]()
    for kind, count in tensors(model):
        elements[kind] += count
    return FORMATS.get(elements.most_common(1)[0][0], "float32")
