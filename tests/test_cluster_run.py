"""`--env=cluster` end to end: two Ray nodes sample and two hosts train; one of each is killed while it works."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engines.ray_nodes import kill_at_work
from tests.runs import ROOT, question_file, world_rows
from tests.training.nodes import commands

PATIENCE = 900.0  # seconds; the machine may be busy
SMALL = {
    "paths.m": 8, "paths.questions_per_task": 5, "paths.sampling.max_new_tokens": 64,
    "engine.workers": 2, "engine.paths_per_chunk": 8, "engine.rows": 4,
    "training.processes": 1, "training.steps": 6, "training.checkpoint_every": 2, "training.batch_size": 8,
    "training.gradient_accumulation": 1, "evaluation.greedy_questions": 4, "evaluation.voted_questions": 2,
    "evaluation.m": 4, "evaluation.max_new_tokens": 64, "monitor.questions_per_task": 2, "monitor.m": 4,
}  # fmt: skip


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield made
    made.shutdown()


def start(folder: Path, address: str) -> "subprocess.Popen[bytes]":
    """Start the whole loop; its output is appended to run.log."""
    given = SMALL | {
        "data_root": folder / "data",
        "questions": folder / "questions.jsonl",
        "engine.ray_address": address,
        "training.hostfile": folder / "hostfile",
    }
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", "--env=cluster", "--pipelines=self_improve"]
    environment = {"OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"}
    environment["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen(
            [*command, f"--params={params}"], cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log
        )  # fmt: skip


def lines(folder: Path) -> str:
    return (folder / "run.log").read_text(errors="replace")


def await_checkpoint(folder: Path, run: "subprocess.Popen[bytes]") -> None:
    """Wait until both ranks have sealed a checkpoint."""
    end = time.monotonic() + PATIENCE
    while len([*folder.glob("data/06_models/jobs/*/checkpoints/checkpoint-*/seal-*.json")]) < 2:
        assert run.poll() is None, lines(folder)[-3000:]
        assert time.monotonic() < end
        time.sleep(0.005)


def trainers(folder: Path) -> list[psutil.Process]:
    """The training processes whose job is below this folder, whichever process started them."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "lmsi_kedro.training.trainer" in (words := " ".join(process.info["cmdline"] or []))
        and str(folder) in words
        and "python" in Path(process.info["cmdline"][0]).name
    ]


def recorded_steps(progress: Path) -> tuple[int, int]:
    """The first and the last step recorded by the process that finished a job."""
    steps = [json.loads(line)["step"] for line in progress.read_text().splitlines()]
    return steps[0], steps[-1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_killed_nodes_lose_no_finished_work(tmp_path: Path, cluster: Any) -> None:
    lost = cluster.add_node(num_cpus=1)
    commands(tmp_path, ssh_code=0)
    question_file(tmp_path, world_rows())
    (tmp_path / "hostfile").write_text("node-1 slots=1\nnode-2 slots=1\n")

    first = start(tmp_path, cluster.address)
    while not kill_at_work(cluster, lost):
        assert first.poll() is None, lines(tmp_path)[-3000:]
    await_checkpoint(tmp_path, first)
    ranks = trainers(tmp_path)
    assert len(ranks) >= 2
    ranks[-1].send_signal(signal.SIGKILL)
    assert first.wait(PATIENCE) != 0
    _, alive = psutil.wait_procs(ranks, timeout=30)
    assert not alive
    sampled = {
        path: path.stat().st_mtime_ns for path in tmp_path.glob("data/03_paths/**/*.parquet")
    }

    second = start(tmp_path, cluster.address)
    assert second.wait(PATIENCE) == 0, lines(tmp_path)[-3000:]
    assert {path: path.stat().st_mtime_ns for path in sampled} == sampled
    steps = [recorded_steps(path) for path in tmp_path.glob("data/06_models/jobs/*/progress.jsonl")]
    assert sorted(begun > 1 for begun, _ in steps) == [
        False,
        True,
    ]  # the killed job resumed from a checkpoint
    assert {ended for _, ended in steps} == {6}
    metrics = json.loads((tmp_path / "data/08_reporting/metrics.json").read_text())
    assert metrics["headline"]["n"] > 0
    assert (tmp_path / "data/08_reporting/report.html").exists()
