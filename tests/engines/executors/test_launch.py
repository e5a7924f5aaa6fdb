"""Servers launched by a run: the user gives no digest, the servers share the GPUs, and no process is left."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lmsi_kedro.engines.executors import launch
from lmsi_kedro.engines.server import launched
from lmsi_kedro.engines.server.engine import seed_of
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.engines.server.served_model import sampling_model
from tests.engines.fake_server import FakeServer, running
from tests.engines.launching import ROOT, alive, logs, plan
from tests.engines.served import PROMPTS, sampled

ALL = [(question, path) for question in PROMPTS for path in range(4)]
RUN = """
import sys
from pathlib import Path
from types import SimpleNamespace
from tests.engines.fake_server import FakeServer, running
from tests.engines.launching import plan
from tests.engines.served import sampled
sampled(plan(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], m=800))
"""


def test_servers_share_gpus_and_stop_with_the_plan(
    tokenizer_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "visible_gpus", lambda: ["4", "5", "6", "7"])
    table = sampled(plan(tokenizer_only, tmp_path, workers=2))
    assert table.select("question_id", "path").rows() == ALL
    seeds = [seed_of(3, question, path) for question, path in ALL]
    assert table["text"].to_list() == [f"Seed {s}. The answer is {s % 10}." for s in seeds]
    first, second = logs(tmp_path)
    assert "GPUs 4,5\n" in first
    assert "GPUs 6,7\n" in second
    flags = re.compile(r"--port (\d+) .*--tensor-parallel-size 2$", re.MULTILINE)
    assert flags.findall(first) != flags.findall(second)
    assert len(flags.findall(first + second)) == 2
    assert not alive(tmp_path)


def test_server_that_ends_is_started_again_once(
    tokenizer_only: Path, tmp_path: Path, hurried: None, caplog: pytest.LogCaptureFixture
) -> None:
    options = "--lives 1 --requests 14"  # it ends after the negotiation of features
    assert sampled(plan(tokenizer_only, tmp_path, options)).height == 24
    assert "ended and is being restarted: CUDA out of memory" in caplog.text
    (log,) = logs(tmp_path)
    assert log.count("$ ") == 2
    assert not alive(tmp_path)


def test_server_with_stubborn_child_is_started_again(
    tokenizer_only: Path, tmp_path: Path, hurried: None
) -> None:
    """The watchdog needs seconds to end the server's child process; meanwhile, requests are not retried."""
    options = "--lives 1 --requests 14 --stubborn"
    assert sampled(plan(tokenizer_only, tmp_path, options, retries=0)).height == 24
    assert logs(tmp_path)[0].count("$ ") == 2
    assert not alive(tmp_path)


def test_server_that_ends_twice_is_named(
    tokenizer_only: Path, tmp_path: Path, hurried: None
) -> None:
    said = r"server at http://127.0.0.1:\d+/v1, whose log is .*, ended again after its restart: CUDA out of memory"
    with pytest.raises(ServerError, match=said):
        sampled(plan(tokenizer_only, tmp_path, "--lives 9 --requests 14", m=32))
    assert not alive(tmp_path)


@pytest.mark.parametrize(
    ("options", "line"),
    [("--no-such-flag", "ended before it answered: vllm serve: error: unrecognized arguments: --no-such-flag"),
     ("--extra-tokens 3", r"counts \d+ tokens in the prompt of question q0, but training counts \d+")],
)  # fmt: skip
def test_unusable_server_is_named_and_stopped(
    options: str, line: str, tokenizer_only: Path, tmp_path: Path
) -> None:
    with pytest.raises(ServerError, match=line):
        sampled(plan(tokenizer_only, tmp_path, options))
    assert not alive(tmp_path)


def test_unresponsive_server_is_named_and_stopped(
    tokenizer_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is frozen until the server has printed its first line."""
    clock = SimpleNamespace(monotonic=lambda: 9.0 if "processes" in logs(tmp_path)[0] else 0.0)
    monkeypatch.setattr(launched, "time", clock)
    made = plan(tokenizer_only, tmp_path, "--begin-slowly 600", start_seconds=2)
    with pytest.raises(ServerError, match=r"within engine\.launch\.start_seconds=2: processes"):
        sampled(made)
    assert not alive(tmp_path)


@pytest.mark.parametrize("seen", [True, False], ids=["before", "after"])
def test_next_port_is_tried_if_one_is_taken(
    seen: bool, tokenizer_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either the run finds that the port is taken before it starts the server, or the server finds it."""
    # The socket of the other program accepts connections but never answers.
    monkeypatch.setattr(launched, "PROBE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(random.SystemRandom, "randrange", lambda *_: taken)
        if not seen:
            monkeypatch.setattr(launched, "is_free", lambda port: True)
        assert sampled(plan(tokenizer_only, tmp_path)).height == 24
    (log,) = logs(tmp_path)
    assert f"--port {taken + 1}" in log
    assert (f"--port {taken} " in log) is not seen


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """Another program's server, which takes the port of our server before ours listens."""
    with running(lambda body, count: (500, {})) as other:
        monkeypatch.setattr(random.SystemRandom, "randrange", lambda *_: other.server_port)
        monkeypatch.setattr(launched, "is_free", lambda port: True)
        yield other


def test_foreign_server_at_the_port_is_not_used(
    tokenizer_only: Path, tmp_path: Path, foreign: FakeServer
) -> None:
    still_loads = "--begin-slowly 4"
    assert sampled(plan(tokenizer_only, tmp_path, still_loads)).height == 24
    (log,) = logs(tmp_path)
    assert f"--port {foreign.server_port} " in log
    assert f"--port {foreign.server_port + 1} " in log
    assert not foreign.bodies
    assert not alive(tmp_path)


@pytest.mark.parametrize(("names", "served"), [(["gpt"], "gpt"), ([], "no model")])
def test_foreign_server_is_named_after_all_tries(
    names: list[str],
    served: str,
    tokenizer_only: Path,
    tmp_path: Path,
    foreign: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "PORT_RETRIES", 0)
    foreign.models = 200, {"data": [{"id": name} for name in names]}
    with pytest.raises(ServerError, match=f"belongs to another server, which serves {served}$"):
        sampled(plan(tokenizer_only, tmp_path))
    assert not alive(tmp_path)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_refusal_quotes_the_servers_message(
    status: int, tokenizer_only: Path, tmp_path: Path, foreign: FakeServer
) -> None:
    foreign.models = status, {"error": "Unauthorized"}
    with pytest.raises(ServerError, match=rf'/v1/ answers {status}: {{"error": "Unauthorized"}}'):
        sampled(plan(tokenizer_only, tmp_path))
    assert not alive(tmp_path)


@pytest.mark.parametrize("moment", ["starts", "samples"])
def test_killed_run_leaves_no_server(moment: str, tokenizer_only: Path, tmp_path: Path) -> None:
    options = "--begin-slowly 60" if moment == "starts" else ""
    command = [sys.executable, "-c", RUN, str(tokenizer_only), str(tmp_path), options]
    run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    lives = tmp_path.glob("model.*.lives")
    while not logs(tmp_path) or not alive(tmp_path) or (not options and not any(lives)):
        assert run.poll() is None
        time.sleep(0.05)
        lives = tmp_path.glob("model.*.lives")
    time.sleep(0.5)
    watcher = psutil.Process(run.pid).children()
    left = [*watcher, *alive(tmp_path)]
    assert len(left) == 3
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not psutil.wait_procs(left, timeout=30)[1]


def test_only_the_last_start_is_read_from_log(tmp_path: Path) -> None:
    """Earlier output is not read, even if it is long and ends in the middle of a line."""
    log = tmp_path / "log"
    log.write_bytes(b"$ serve\naddress already in use" + b"x" * 2 * launched.READ)
    say = f"{sys.executable} -c \"print('out of memory', end='')\" {{port}}"
    server = launched.Launched(say, {}, {}, log, threading.Event())
    for _ in range(2):
        server.spawn()
        assert server.process
        server.process.wait()
        assert server.printed() == server.last_words() == "out of memory"
    assert log.read_text().count("\n$ ") == 2
    log.write_bytes(log.read_bytes() + b"\xff\n" + b"y" * launched.READ)
    assert server.printed() == "y" * launched.READ


def test_transformers_serve_gets_a_model_with_sampling_enabled(tmp_path: Path) -> None:
    """The folder has all files of the model, except that generation_config.json is a new one without filters."""
    model = ROOT / "data/06_models/base"
    for _ in range(2):
        served = sampling_model(model, tmp_path / "served")
    assert {file.name for file in served.iterdir()} == {file.name for file in model.iterdir()}
    assert (served / "model.safetensors").readlink() == model / "model.safetensors"
    said = (served / "generation_config.json").read_text()
    assert said == '{"eos_token_id": 0, "pad_token_id": 0, "do_sample": true, "top_k": 0}'
