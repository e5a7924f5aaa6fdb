"""Prepares a model for servers that cannot use its directory unchanged."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from lmsi_kedro import gguf
from lmsi_kedro.durable import file, partial, publish
from lmsi_kedro.gguf.model import write_model

FILE = "generation_config.json"
KEPT = ("bos_token_id", "eos_token_id", "pad_token_id")


def sampling_model(model: Path, folder: Path) -> Path:
    """Creates a folder of links to the model's files, with a new generation_config.json.

    `transformers serve` samples only if that file has do_sample. The new file keeps the model's token ids and sets
    no filter.
    """
    prepared = partial(folder)
    for each in model.iterdir():
        (prepared / each.name).symlink_to(each)
    source = next(name for name in (FILE, "config.json") if (model / name).exists())
    settings = json.loads((model / source).read_text())
    kept = {name: settings[name] for name in KEPT if settings.get(name) is not None}
    (prepared / FILE).unlink(missing_ok=True)
    (prepared / FILE).write_text(json.dumps({**kept, "do_sample": True, "top_k": 0}))
    publish(prepared, folder)
    return folder


def gguf_model(model: Path, folder: Path, prompts: Sequence[str]) -> Path:
    """The model as a GGUF file in this folder, for llama.cpp; ValueError for unsupported models.

    The file is as large as the model, so the caller should remove it. The file of a killed run is reused.
    """
    final = folder / f"model-f16-{writer_digest()}.gguf"
    if not final.exists():
        for older in folder.glob("model-f16*"):
            older.unlink()
        with file(final) as prepared:
            write_model(model, prepared, prompts)
    return final


def writer_digest() -> str:
    """A digest of the code that writes GGUF files, so that files of an older version are not reused."""
    sources = sorted(Path(gguf.__file__).parent.glob("*.py"))
    content = b"".join(source.read_bytes() for source in sources)
    return hashlib.blake2b(content, digest_size=4).hexdigest()
