"""A model as a server must see it, where that is not the directory as it is."""

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
    """A folder of links to a model's files, for `transformers serve`, which samples only where a model says so.

    Its generation_config.json keeps the ids of the model's and sets no filter.
    """
    prepared = partial(folder)
    for each in model.iterdir():
        (prepared / each.name).symlink_to(each)
    given = next(name for name in (FILE, "config.json") if (model / name).exists())
    settings = json.loads((model / given).read_text())
    kept = {name: settings[name] for name in KEPT if settings.get(name) is not None}
    (prepared / FILE).unlink(missing_ok=True)
    (prepared / FILE).write_text(json.dumps({**kept, "do_sample": True, "top_k": 0}))
    publish(prepared, folder)
    return folder


def gguf_model(model: Path, folder: Path, prompts: Sequence[str]) -> Path:
    """The model as a GGUF file in its folder, for llama.cpp; ValueError for models that are not written here.

    It is as large as the model: whoever asks for it removes it. One that a killed run left is taken.
    """
    final = folder / f"model-f16-{writer()}.gguf"
    if not final.exists():
        for older in folder.glob("model-f16*"):
            older.unlink()
        with file(final) as prepared:
            write_model(model, prepared, prompts)
    return final


def writer() -> str:
    """Changes with the code that writes GGUF files: what an older one wrote may be wrong."""
    sources = sorted(Path(gguf.__file__).parent.glob("*.py"))
    content = b"".join(source.read_bytes() for source in sources)
    return hashlib.blake2b(content, digest_size=4).hexdigest()
