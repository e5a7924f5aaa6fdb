"""The record of a run has the command, the pipelines, the hardware and the time that each node took."""

import sys
from types import SimpleNamespace

import pytest

from lmsi_kedro.datasets.this_run import Stopwatch, ThisRun


def test_run_record_has_command_and_node_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/kedro", "run", "--pipelines=voting"])
    watch = Stopwatch()
    watch.before_pipeline_run({"pipeline_names": ["voting"]})
    for name in ("read_answers", "count_votes"):
        watch.before_node_run(SimpleNamespace(name=name))
    run = ThisRun().load()
    assert run["pipelines"] == ["voting"]
    assert list(run["seconds"]) == ["read_answers", "count_votes"]
    assert all(seconds >= 0 for seconds in run["seconds"].values())
    assert run["command"] == "kedro run --pipelines=voting"
    assert run["hardware"]
