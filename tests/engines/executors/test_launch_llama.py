"""A stand-in for llama.cpp's server receives a GGUF file and token ids; the file is removed with the server."""

import json
import re
from pathlib import Path

import pytest

from lmsi_kedro.engines.server import served_model
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.engines.server.served_model import gguf_model
from lmsi_kedro.tasks.encoding import Encoder
from tests.engines.launching import LLAMA, MODEL, logs, plan
from tests.engines.served import PROMPTS, sampled


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if "gguf" in file.name]


def test_llama_cpp_gets_gguf_and_token_ids(tmp_path: Path) -> None:
    made = plan(MODEL, tmp_path, server=LLAMA)
    assert sampled(made).height == 24
    (log,) = logs(tmp_path)
    assert re.search(r"^model-f16-\w+\.gguf has \d+ tensors$", log, re.MULTILINE)
    asked = [json.loads(ids) for ids in re.findall(r"^prompt (.+)$", log, re.MULTILINE)]
    encoder = Encoder.of(made.model, made.engine.conversation, False)
    assert {*map(tuple, asked)} == {*map(tuple, encoder.prompts(list(PROMPTS.values())))}


def test_gguf_file_is_removed_with_servers(tmp_path: Path) -> None:
    made = plan(MODEL, tmp_path, server=LLAMA)
    computed = made.compute(list(made.chunks))
    next(computed)
    (served,) = files(tmp_path)
    assert str(served) in logs(tmp_path)[0]
    made.close()
    assert files(tmp_path) == []
    with pytest.raises(ServerError, match="unrecognized arguments: --no-such-flag"):
        sampled(plan(MODEL, tmp_path, "--no-such-flag", server=LLAMA))
    assert files(tmp_path) == []


def test_gguf_file_of_older_writer_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file left by a killed run is reused only if the code that writes such files has not changed."""
    with monkeypatch.context() as changed:
        changed.setattr(served_model, "writer_digest", lambda: "0123")
        older = gguf_model(MODEL, tmp_path, [])
    newer = gguf_model(MODEL, tmp_path, [])
    assert files(tmp_path) == [newer] != [older]
    written = newer.stat().st_mtime_ns
    assert gguf_model(MODEL, tmp_path, []) == newer
    assert newer.stat().st_mtime_ns == written
