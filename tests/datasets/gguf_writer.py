"""Writes GGUF files like those of other programs: with any type of matrices, in parts, or with more metadata."""

from pathlib import Path
from typing import Any

from gguf import RopeScalingType

from lmsi_kedro.gguf.writer import described, finish


def write_gguf(
    file: Path,
    model: Any,
    tokenizer: Any,
    kind: str = "F32",
    parts: int = 1,
    **more: int | RopeScalingType,
) -> None:
    """Write matrices of type `kind` and vectors in F32; `more` is metadata, such as eot_token_id=7."""
    writer = described(file, model, tokenizer, "gpt-2")
    writer.add_uint16("split.count", parts)
    for name, value in more.items():
        getattr(writer, f"add_{name}")(value)
    finish(writer, model, kind)
