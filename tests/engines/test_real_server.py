"""Tests with real servers: `transformers serve` in a plan and in two rounds, llama.cpp's server in a plan."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from random import Random

import polars as pl
import psutil
import pytest

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, LaunchParams, Sampling
from lmsi_kedro.params.servers import COMMANDS
from tests.models import tiny_model
from tests.runs import ROOT, TINY, question_file, world_rows
from tests.stores import fill

PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {i}?\nA:" for i in range(3)}
KILLS = 3
PATIENCE = 3600.0  # time limit of the last run in seconds; long, because the machine may be busy


def plan(model: Model, folder: Path, server: str) -> Plan:
    launch = LaunchParams(
        server=server, folder=str(folder), start_seconds=120, concurrency=2, timeout_seconds=60
    )
    engine = EngineParams(
        executor="launch", ray_address=None, workers=1, dtype="float32", paths_per_chunk=8, rows=8, chat="auto",
        trust_remote_code=False, skip_too_long=False, launch=launch,
    )  # fmt: skip
    made = Plan(model.path, model.digest, engine)
    sampling = Sampling(temperature=0.9, max_new_tokens=6, seed=3)
    made.add(PROMPTS, range(4), sampling, {"exemplar_set": "none"})
    return made


def test_real_server_samples_all_paths(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`transformers serve` ignores n and log-probabilities but uses seeds, so the texts of paths differ."""
    model = Model.at(tiny_model(tmp_path / "model"))
    store = ChunkStore(filepath=str(tmp_path / "paths"), check="lmsi_kedro.schemas.paths")
    with caplog.at_level("INFO"):
        fill(store, plan(model, tmp_path, "transformers"))
    assert "seed yes, logprobs no, n no, top_k no, min_p no" in caplog.text
    table = store.load().table().sort("question_id", "path")
    assert table.select("question_id", "path").rows() == [(q, p) for q in PROMPTS for p in range(4)]
    assert table["tokens"].is_between(1, 6).all()
    assert set(table["finish"]) <= {"stop", "length"}
    assert table["logprob"].null_count() == 12
    assert table["text"].n_unique() > 6
    assert not serving(tmp_path)


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="pip install xllamacpp")
def test_llama_cpp_serves_a_gguf_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    server = COMMANDS["llama.cpp"].replace(
        "llama-server", f"{sys.executable} -m tests.engines.llama_server"
    )
    made = plan(Model.at(ROOT / "data/06_models/base_small"), tmp_path, server)
    with caplog.at_level("INFO"), closing(made):
        table = pl.concat(table for _, table in made.compute(list(made.chunks)))
        assert len(list(tmp_path.glob("*/model-f16-*.gguf"))) == 1
    assert not list(tmp_path.glob("*/model-f16-*.gguf"))
    assert "seed yes, logprobs yes, n yes, top_k yes, min_p yes, top_p yes" in caplog.text
    assert table.height == 12
    assert table["logprob"].null_count() == 0


def start(data: Path) -> "subprocess.Popen[bytes]":
    """Start a run of two rounds in which the smaller embedded model samples a few paths."""
    given = TINY | {
        "data_root": data, "questions": data / "questions.jsonl", "rounds": 2,
        "model": ROOT / "data/06_models/base_small", "engine.executor": "launch",
        "engine.launch.server": "transformers", "engine.launch.concurrency": 4, "engine.paths_per_chunk": 8,
        "paths.m": 2, "paths.questions_per_task": 2, "paths.sampling.max_new_tokens": 24,
        "evaluation.greedy_questions": 2, "evaluation.voted_questions": 1, "evaluation.m": 2,
        "evaluation.max_new_tokens": 24, "monitor.questions_per_task": 1, "monitor.m": 2,
        "monitor.on_alarm": "roll_back",
    }  # fmt: skip
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", "--env=smoke", f"--params={params}"]
    with (data / "run.log").open("ab") as log:
        # With such a small model, several threads would only wait for each other.
        one = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, cwd=ROOT, env=one, stdout=log, stderr=log)


def serving(folder: Path) -> list[psutil.Process]:
    """Return the processes that serve models stored in this folder, including their watchdogs."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if "serve" in words and re.search(f"{folder}.* --port", words):
            found.append(process)
    return found


@pytest.mark.slow  # starts about 15 servers, each of which loads torch and transformers for 5 s
def test_two_unattended_rounds_survive_random_kills(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    question_file(data, world_rows())
    random = Random(1)
    for _ in range(KILLS):
        run = start(data)
        while not serving(data):
            assert run.poll() is None, (data / "run.log").read_text()[-3000:]
            time.sleep(0.1)
        time.sleep(random.uniform(0, 12))
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not psutil.wait_procs(serving(data), timeout=30)[1]
    done = start(data)
    try:
        assert done.wait(PATIENCE) == 0, (data / "run.log").read_text()[-3000:]
    finally:
        done.kill()
    assert not serving(data)
    metrics = json.loads((data / "08_reporting/metrics.json").read_text())
    assert len(metrics["rounds"]) == 2
    launched = {log.parent.name for log in (data / "06_models/servers").glob("*/server-0.log")}
    assert len(launched) >= 3, (
        "servers started for fewer models than the base model and two candidates"
    )
