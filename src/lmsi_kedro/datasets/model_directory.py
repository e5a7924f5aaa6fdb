"""A Hugging Face model directory as a Kedro dataset: checked on load, replaced as a whole on save.

A model is handed from node to node as its path and the digest of its content, never as weights in
memory, so the digest, not a name, addresses everything that is made with it. Knows nothing of what
computes with a model.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview

from lmsi_kedro.durable import partial, publish, recover

# How a model was made; it does not change what the model computes.
RECORD = "training.json"
PARTS = ("config.json", "*.safetensors", "tokenizer*")
HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
CONTENT = {".safetensors", ".json", ".model", ".txt", ".jinja"}


@dataclass(frozen=True)
class Model:
    """A complete model directory and the digest of its weights, tokenizer and configuration."""

    path: Path
    digest: str

    @classmethod
    def at(cls, path: Path) -> "Model":
        """The model in a directory; an error when a part of it is missing."""
        missing = [part for part in PARTS if not any(path.glob(part))]
        if missing:
            raise DatasetError(
                f"{path} is not a model: {', '.join(missing)} missing; "
                "put a complete Hugging Face model there, or run the pipeline that makes it."
            )
        return cls(path, content_digest(path))

    def record(self) -> dict[str, Any]:
        """How the model was made; empty for one that was not trained here."""
        file = self.path / RECORD
        return json.loads(file.read_text()) if file.exists() else {}


class ModelDirectory(AbstractDataset[Model, Model]):
    """The model in `filepath`; saving copies another model's directory there in one step.

    Where `filepath` does not exist, `hub_name`, such as owner/name, is fetched once from the Hugging Face hub into
    its cache.
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
        """The model, with its digest computed from its files."""
        path = Path(self._filepath)
        recover(path)
        if not path.exists() and HUB_NAME.fullmatch(self._hub_name or ""):
            path = fetch(str(self._hub_name))
        return Model.at(path)

    def save(self, data: Model) -> None:
        """Copies the model; until its last byte is on disk, `filepath` stays as it was."""
        final = Path(self._filepath)
        prepared = partial(final)
        shutil.copytree(data.path, prepared, dirs_exist_ok=True)
        if (digest := Model.at(prepared).digest) != data.digest:
            raise DatasetError(f"{data.path} changed while it was used: {data.digest} -> {digest}.")
        publish(prepared, final)

    def preview(self) -> JSONPreview:
        """How the model was made, or its configuration, for Kedro-Viz."""
        record = Path(self._filepath) / RECORD
        shown = record if record.exists() else record.with_name("config.json")
        return JSONPreview(json.dumps(json.loads(shown.read_text())))

    def _exists(self) -> bool:
        return (Path(self._filepath) / "config.json").exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def fetch(name: str) -> Path:
    """The local copy of a model of the hub: weights as safetensors, tokenizer, configuration, nothing else."""
    from huggingface_hub import snapshot_download

    wanted = [f"*{suffix}" for suffix in sorted(CONTENT)]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # the hub has a dozen kinds; each of them means the same here
        raise DatasetError(
            f"{name} is neither a directory nor could it be fetched from the hub: {error}"
        ) from error


def content_digest(path: Path) -> str:
    """sha256 over names and contents of weights, tokenizer and configuration."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.suffix in CONTENT and file.name != RECORD:
            with file.open("rb") as content:
                inner = hashlib.file_digest(content, "sha256")
            digest.update(f"{file.name}\0{inner.hexdigest()}\n".encode())
    return digest.hexdigest()
