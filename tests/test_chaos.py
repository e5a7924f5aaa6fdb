"""The whole loop, killed repeatedly while it writes its files, ends with the results of an uninterrupted run.

KILLS times (5; `make chaos`: 30), the run itself, a worker or a trainer is killed by SIGKILL, SIGTERM or Ctrl-C,
and the same command is started again. The kills are spread over the files that a run writes.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import psutil
import pytest
from safetensors.numpy import load_file

from lmsi_kedro.cli import STOPPED
from lmsi_kedro.durable import locked
from lmsi_kedro.run_lock import NAME
from tests.runs import ROOT, TINY, question_file, tables, world_rows

KILLS = int(os.environ.get("KILLS", "5"))
PATIENCE = 1800.0  # seconds for one run; the machine may be busy
REPORT = "08_reporting/report.html"
# Background jobs of a shell, and their children, ignore Ctrl-C.
CTRL_C = [] if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else [signal.SIGINT]
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, *CTRL_C]
PIDS = set[str]()  # of all killed processes; torch uses them in the names of its shared memory
WORKERS = ("multiprocessing.spawn", "lmsi_kedro.training.trainer")


def start(data: Path) -> "subprocess.Popen[bytes]":
    given = TINY | {"data_root": data, "questions": data.parent / "questions.jsonl"}
    given |= {"engine.workers": 2, "training.processes": 2, "training.steps": 4}
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=self_improve", "--env=smoke"]
    with (data.parent / "run.log").open("ab") as log:
        return subprocess.Popen(
            [*command, f"--params={params}"],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
        )


def finish(data: Path) -> None:
    code = start(data).wait(timeout=PATIENCE)
    assert code == 0, (data.parent / "run.log").read_text(errors="replace")[-3000:]


def moments(data: Path) -> list[Path]:
    """Return the files in the order in which they were written."""
    found = (path for path in data.rglob("*") if path.is_file() and path.suffix != ".parquet")
    ordered = sorted(
        [*found, *data.rglob("0[2457]*/**/*.parquet")], key=lambda path: path.stat().st_mtime
    )
    return [path.relative_to(data) for path in ordered]


def strike(
    run: "subprocess.Popen[bytes]", data: Path, wanted: Sequence[Path], draw: Random
) -> bool:
    """Kill the run or one of its processes within 1 s after it wrote a wanted file; return False if it ended."""
    begun, end = time.time(), time.monotonic() + PATIENCE
    while run.poll() is None and not any(written_since(data / file, begun) for file in wanted):
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(draw.uniform(0, 1))
    if run.poll() is not None:
        return False
    below = psutil.Process(run.pid).children(recursive=True)
    PIDS.update(str(process.pid) for process in (run, *below))
    workers = [child for child in below if any(name in words(child) for name in WORKERS)]
    victim = draw.choice([None, *workers])
    sent = draw.choice(SIGNALS) if victim is None else signal.SIGKILL
    (victim or run).send_signal(sent)
    assert run.wait(timeout=120) != 0 or victim is not None
    # A run that has written its report may have ended before the signal arrived.
    if sent != signal.SIGKILL and not written_since(data / REPORT, begun):
        assert (data.parent / "run.log").read_text(errors="replace").splitlines()[-1] == STOPPED
    _, alive = psutil.wait_procs(below, timeout=30)
    assert not alive, f"still alive 30 s after the run ended: {alive}"
    return True


def written_since(path: Path, begun: float) -> bool:
    try:
        return path.stat().st_mtime > begun
    except FileNotFoundError:
        return False


def words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.mark.slow
def test_kills_change_nothing(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole" / "data", tmp_path / "killed" / "data"
    for data in (whole, killed):
        data.mkdir(parents=True)
        question_file(data.parent, world_rows())
    finish(whole)
    draw, order = Random(26), moments(whole)
    struck = 0
    for kill in range(KILLS):
        place = (2 * kill + 1) * len(order) // (2 * KILLS)
        # Chunks and jobs that are stored already are not written again, so later files count, too.
        struck += strike(start(killed), killed, order[place:], draw)
    finish(killed)
    assert struck >= 0.8 * KILLS
    assert tables(killed).keys() == tables(whole).keys()
    assert tables(killed) == tables(whole)
    assert metrics(killed) == metrics(whole)
    compare_models(killed / "06_models" / "model_1", whole / "06_models" / "model_1")
    with locked(killed / NAME, wait=False):
        left = [path for path in Path("/dev/shm").iterdir() if PIDS & set(path.name.split("_"))]
        assert not left


def metrics(data: Path) -> object:
    return json.loads((data / "08_reporting" / "metrics.json").read_text())


def compare_models(killed: Path, whole: Path) -> None:
    weights, wanted = (load_file(model / "model.safetensors") for model in (killed, whole))
    assert weights.keys() == wanted.keys()
    assert all(abs(weights[name] - wanted[name]).max() <= 1e-6 for name in wanted)
