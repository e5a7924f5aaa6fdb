"""`kedro run` with a server that has the faults of llama.cpp, of proxies and of overloaded servers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.server.engine import seed_of
from tests.engines.embedded import SLOTS, STUDENT, Embedded
from tests.engines.fake_server import FakeServer, Raw, Reply, answered, running

ROOT = Path(__file__).parents[3]
MODEL = Model.at(STUDENT)
NEW_TOKENS = 40
FAULTS: list[Reply] = [
    (200, Raw(b"<html><title>Bad gateway</title></html>", "text/html")),
    (200, Raw(b'{"choices": [{"text": " The answer')),
    (200, {"error": {"message": "engine is dead"}}),
    (200, answered([{"index": 0, "text": None, "finish_reason": "stop"}], 1)),
    (200, answered([{"index": 0, "text": " The answer is 1.", "finish_reason": "abort"}], 1)),
    (200, answered([{"index": 0, "text": " \ud83d", "finish_reason": "stop"}], 1)),
    (503, {"error": {"message": "Loading model"}}),
]


class Faulty(Embedded):
    """Serves the embedded model, but answers each request for paths with a fault the first time.

    `paths` has the sampled paths by seed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.paths: dict[int, tuple[Any, ...]] = {}
        self.faults = 0

    def answer(self, body: dict[str, Any], count: int) -> Reply:
        if body.get("n", 1) <= SLOTS and count == 1 and body["max_tokens"] == NEW_TOKENS:
            with self.lock:
                self.faults += 1
                return FAULTS[self.faults % len(FAULTS)]
        return super().answer(body, count)

    def draw(self, body: dict[str, Any]) -> pl.DataFrame:
        drawn = super().draw(body)
        if body["max_tokens"] == NEW_TOKENS:
            self.paths |= {path: row for path, *row in drawn.iter_rows()}
        return drawn


def run(server: FakeServer, data: Path) -> "subprocess.CompletedProcess[str]":
    params = ",".join([
        f"data_root={data},model={MODEL.path}",
        f"paths.m=6,paths.questions_per_task=2,paths.sampling.max_new_tokens={NEW_TOKENS}",
        f"engine.executor=server,engine.server.urls={server.url},engine.server.model=served",
        f"engine.server.revision=sha256:{MODEL.digest[:12]},engine.server.retries=1",
    ])  # fmt: skip
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=sampling", "--env=smoke"]
    return subprocess.run(
        [*command, f"--params={params}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
    )


def test_run_stores_the_paths_that_the_server_sampled(tmp_path: Path) -> None:
    """The server has four slots, gives faulty answers and fails once; all six paths per question are stored."""
    embedded = Faulty()

    def dead(body: dict[str, Any], count: int) -> Reply:
        if len(embedded.paths) > 16 and body["max_tokens"] == NEW_TOKENS:
            return 200, Raw(b"<html><title>Bad gateway</title></html>", "text/html")
        return embedded.answer(body, count)

    with running(dead) as server:
        failed = run(server, tmp_path)
        assert failed.returncode != 0
        assert re.search(
            rf"question \w+: no server gave .* {server.url}/ answers with an HTML page 'Bad gateway'",
            " ".join(failed.stdout.split()),
        )
        server.answer = embedded.answer
        done = run(server, tmp_path)
    assert done.returncode == 0, done.stdout
    assert embedded.faults > len(FAULTS)
    paths = ChunkStore(filepath=str(tmp_path / "03_paths" / "round_1")).load().table()
    assert paths.height == 6 * paths["question_id"].n_unique() == 6 * 2 * 4
    for question, path, *row in paths.drop("exemplar_set").iter_rows():
        text, tokens, logprob, finish = embedded.paths[seed_of(1, question, path)]
        assert row == [text, tokens, pytest.approx(logprob), finish]
