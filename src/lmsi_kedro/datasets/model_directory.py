"""A Hugging Face model directory as a Kedro dataset: checked on load, replaced atomically on save.

Nodes pass a model as its path and the digest of its content, never as weights in memory, so everything that is
made with a model is addressed by the digest and not by a name.
"""

import json
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview

from lmsi_kedro.datasets.gguf_file import dequantised
from lmsi_kedro.durable import partial, publish, recover
from lmsi_kedro.model_files import (
    ADAPTER,
    RECORD,
    SETTINGS,
    content_digest,
    content_files,
    count_parameters,
    licenses,
    weight_names,
)

ADAPTER_CONFIG = "adapter_config.json"  # if it is there, transformers loads the base model
HUB_NAME = re.compile(r"hub:(\w[\w.-]*(/[\w.-]+)?)")


@dataclass(frozen=True)
class Model:
    """A complete model directory and the digest of its weights, tokenizer and configuration."""

    path: Path
    digest: str

    @classmethod
    def at(cls, path: Path) -> "Model":
        """Returns the model in a directory; raises DatasetError with the parts that are missing."""
        try:
            missing = [part for part in ("config.json", "tokenizer*") if not any(path.glob(part))]
            missing += [name for name in weight_names(path) if not (path / name).is_file()]
        except ValueError as error:
            raise DatasetError(str(error)) from error
        if missing:
            raise DatasetError(
                f"{path} is not a model: {', '.join(missing)} missing; {advice(path)}"
            )
        if (path / ADAPTER_CONFIG).exists():
            raise DatasetError(
                f"{path} has an {ADAPTER_CONFIG}, so its base model would be loaded, not the weights in it: "
                "remove it, or merge the adapter into the weights"
            )
        return cls(path, content_digest(path))

    @cached_property
    def parameters(self) -> int:
        """The number of parameters; raises ValueError for a damaged weight file."""
        return count_parameters(self.path)

    def record(self) -> dict[str, Any]:
        """Returns how the model was made; the result is empty if this project did not train it."""
        file = self.path / RECORD
        return json.loads(file.read_text()) if file.exists() else {}


def advice(path: Path) -> str:
    """Returns what to do about a directory that is not a model."""
    if not path.exists():
        return (
            "that directory does not exist. A model of the Hugging Face hub is named hub:owner/name"
        )
    for file in path.glob("*.gguf"):
        return f"the GGUF file in it is a model by itself: use model={file}"
    if any(path.glob("*.bin")):
        return "weights must be safetensors: load the model with transformers and save it with save_pretrained"
    return "put a complete Hugging Face model with safetensors weights there, or run the pipeline that makes it."


class ModelDirectory(AbstractDataset[Model, Model]):
    """The model in `filepath`, a directory or a GGUF file; saving replaces it atomically with a copy.

    A `hub_name` that begins with hub:, such as hub:owner/name, is downloaded once from the Hugging Face hub into
    its cache. A mistyped path is never downloaded. A GGUF file is dequantised once into the same cache.
    """

    def __init__(
        self,
        *,
        filepath: str,
        hub_name: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath, self._hub_name = PurePosixPath(filepath), hub_name
        self.metadata = metadata

    def load(self) -> Model:
        """Returns the model, with its digest computed from its files."""
        path = Path(self._filepath)
        recover(path)
        if path.suffix == ".gguf" and not path.is_dir():
            path = dequantised(path)
        elif on_hub := HUB_NAME.fullmatch(self._hub_name or ""):
            path = fetch(on_hub[1])
        return Model.at(path)

    def save(self, data: Model) -> None:
        """Copies the model; `filepath` is unchanged until the copy is complete on disk."""
        final = Path(self._filepath)
        prepared = partial(final)
        for file in [*content_files(data.path), *licenses(data.path), data.path / RECORD]:
            if file.exists():
                shutil.copy(file, prepared)
        if (adapter := data.path / ADAPTER).is_dir():
            shutil.copytree(adapter, prepared / ADAPTER)
        if (digest := Model.at(prepared).digest) != data.digest:
            raise DatasetError(f"{data.path} changed while it was used: {data.digest} -> {digest}.")
        publish(prepared, final)

    def preview(self) -> JSONPreview:
        """Returns how a model in a local directory was made, or its configuration, for Kedro-Viz."""
        files = [Path(self._filepath) / name for name in (RECORD, "config.json")]
        texts = (file.read_text() for file in files if file.exists())
        return JSONPreview(json.dumps(json.loads(next(texts, "{}"))))

    def _exists(self) -> bool:
        return (Path(self._filepath) / "config.json").exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def fetch(name: str) -> Path:
    """Returns the local copy of a model of the hub: only its safetensors weights, tokenizer and configuration.

    Copies of the weights in other formats (`original/`, `consolidated.safetensors`, `pytorch_model.bin`, ...) are
    not downloaded.
    """
    from huggingface_hub import snapshot_download

    patterns = [f"*{suffix}" for suffix in sorted(SETTINGS)]
    try:
        path = Path(snapshot_download(name, allow_patterns=patterns, ignore_patterns=["*/*"]))
        return Path(snapshot_download(name, revision=path.name, allow_patterns=weight_names(path)))
    except Exception as error:  # a dozen kinds of errors, which all mean the same
        raise DatasetError(f"{name} could not be fetched from the hub: {error}") from error
