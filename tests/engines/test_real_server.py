"""A real server on loopback, `transformers serve`, with a tiny model: through a plan and a store."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Sampling, ServerParams
from tests.models import tiny_model
from tests.stores import fill

PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {i}?\nA:" for i in range(3)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    from transformers import GenerationConfig

    folder = tiny_model(tmp_path_factory.mktemp("model"))
    # `transformers serve` samples only where the model says so, whatever the temperature.
    GenerationConfig(do_sample=True, eos_token_id=0, pad_token_id=0, top_k=0).save_pretrained(
        folder
    )
    return Model.at(folder)


@pytest.fixture(scope="module")
def url(model: Model) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("transformers"),
        "serve",
        str(model.path),
        "--device=cpu",
    ]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [*command, "--host=127.0.0.1", f"--port={port}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        await_health(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def await_health(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert server.poll() is None, "transformers serve ended by itself"
        try:
            with urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    pytest.fail("transformers serve did not come up in two minutes")


def plan(model: Model, url: str) -> Plan:
    server = ServerParams(
        urls=[url],
        model=str(model.path),
        revision=f"sha256:{model.digest[:12]}",
        concurrency=2,
        timeout_seconds=60,
    )
    engine = EngineParams(
        executor="server", ray_address=None, workers=1, dtype="auto", paths_per_chunk=8, rows=8, chat="auto",
        trust_remote_code=False, skip_too_long=False, server=server,
    )  # fmt: skip
    made = Plan(model.path, model.digest, engine)
    made.add(
        PROMPTS,
        range(4),
        Sampling(temperature=0.9, max_new_tokens=6, seed=3),
        {"exemplar_set": "none"},
    )
    return made


def test_paths_of_a_real_server(
    model: Model, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It ignores n and log-probabilities and takes seeds; all paths come, each with a text of its own."""
    store = ChunkStore(filepath=str(tmp_path / "paths"), check="lmsi_kedro.schemas.paths")
    with caplog.at_level("INFO"):
        fill(store, plan(model, url))
    assert "seed yes, logprobs no, n no, top_k no, min_p no" in caplog.text
    table = store.load().table().sort("question_id", "path")
    assert table.select("question_id", "path").rows() == [(q, p) for q in PROMPTS for p in range(4)]
    assert table["tokens"].is_between(1, 6).all()
    assert set(table["finish"]) <= {"stop", "length"}
    assert table["logprob"].null_count() == 12
    assert table["text"].n_unique() > 6
