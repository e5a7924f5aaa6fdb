"""Runs with `voting.reader`, a chat endpoint that parses answers, as a user starts them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from lmsi_kedro.engines.server.answer_reader import PROMPT
from lmsi_kedro.hooks import ShapeHook
from lmsi_kedro.pipeline_registry import register_pipelines
from tests.contexts import ROOT, project_context
from tests.engines.fake_server import FakeServer, Reply, chatted, running
from tests.runs import metrics_of, run, world_rows

HOT: dict[str, Any] = {
    "paths__m": 8,
    "paths__sampling__temperature": 1.8,
}  # some paths announce no answer
ROUND = "04_votes/round_1"
READER = {"urls": ["http://localhost:1/v1"], "model": "judge"}
TABLES = {"rule_readings": "Table", "replies": "ChunkStore", "stored_replies": "StoredChunks"}


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("rounds", "reader", "parameters"):  # monkeypatch restores them after the test
        monkeypatch.setattr(ShapeHook, name, getattr(ShapeHook, name))
    bootstrap_project(ROOT)
    with project_context(rounds=2, voting={"reader": READER}) as opened:
        yield opened


def test_reader_is_in_every_loop(context: Any) -> None:
    """The datasets of the reader are declared, and its steps can be run alone."""
    catalog, pipelines = context.catalog, register_pipelines()
    used = {name for name in pipelines if "round_1.replies" in pipelines[name].datasets()}
    steps = {"voting", "mixing", "fine_tuning", "headroom"}
    loops = {"__default__", "self_improve", "self_improve_from_seeds", "controls", "methods"}
    assert used == steps | loops
    for each, kind in TABLES.items():
        assert type(catalog[f"round_2.{each}"]).__name__ == kind
    (named,) = pipelines["voting"].only_nodes("round_1.ask_reader").nodes
    assert named.outputs == ["round_1.replies"]


def test_reproduction_refuses_a_reader(context: Any) -> None:
    run = {"pipeline_names": ["reproduction"]}
    with pytest.raises(ValueError, match=r"reproduction .* leave voting\.reader null"):
        ShapeHook().before_pipeline_run(run, Pipeline([]), DataCatalog({}))


def last_number(body: dict[str, Any], _: int) -> Reply:
    text = body["messages"][0]["content"].removeprefix(PROMPT)
    return 200, chatted((re.findall(r"\d+", text) or ["UNKNOWN"])[-1])


def given(server: FakeServer) -> dict[str, Any]:
    return {**HOT, "voting__reader__urls": server.url, "voting__reader__model": "judge"}


def tables(data: Path) -> list[bytes]:
    names = ("readings", "votes", "answers")
    return [(data / ROUND / f"{name}.parquet").read_bytes() for name in names]


@pytest.mark.slow
def test_report_counts_answers_of_the_reader(tmp_path: Path) -> None:
    """Counting the votes again sends no request; without the reader, only the rules parse answers."""
    rows = world_rows()
    with running(last_number) as server:
        metrics = metrics_of(tmp_path, rows, **given(server))
        asked, first = len(server.bodies), tables(tmp_path)
        again = run(tmp_path, rows, pipeline="voting", **given(server))
        assert again.returncode == 0, again.stdout + again.stderr
    assert (len(server.bodies), tables(tmp_path)) == (asked, first)
    found = pl.read_parquet(tmp_path / ROUND / "answers.parquet").filter(rule="reader")
    assert found.height
    assert metrics["rounds"][0]["votes"]["reader"]["filled"] == found.height
    page = (tmp_path / "08_reporting/report.html").read_text()
    assert f"the reader (voting.reader) found {found.height} answers" in page
    off = run(tmp_path, rows, pipeline="voting", **HOT)
    assert off.returncode == 0, off.stdout + off.stderr
    rules = (tmp_path / ROUND / "rule_readings.parquet").read_bytes()
    assert tables(tmp_path)[0] == rules != first[0]


@pytest.mark.slow
def test_failing_reader_stops_with_one_line(tmp_path: Path) -> None:
    with running(lambda body, _: (404, {"error": "no such model"})) as server:
        done = run(tmp_path, world_rows(), pipeline="sampling,voting", **given(server))
    assert done.returncode != 0
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("lmsi: ")]
    assert "404" in said
    assert "LMSI_READER_API_KEY" in said
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / ROUND / "rule_readings.parquet").exists()
