"""Whole runs of a pipeline as a user starts them, on a few questions of the embedded world."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TABLES = ("03_paths", "04_votes", "05_examples", "07_evaluation")
Row = dict[str, Any]
KEPT = {"unlabeled": 5, "held_out": 4, "probe": 2}  # questions per task
TINY = {
    "training.steps": 2,
    "training.processes": 1,
    "training.batch_size": 8,
    "training.gradient_accumulation": 1,
    "engine.workers": 1,
}


def world_rows(**kept: int) -> list[Row]:
    """The first questions of every task and split of the embedded world; `kept` gives the number per split."""
    counts: Counter[tuple[str, str]] = Counter()
    rows = []
    for line in (ROOT / "data/01_raw/questions.jsonl").read_text().splitlines():
        row = json.loads(line)
        place = row["task"], row["split"]
        if counts[place] < (KEPT | kept)[row["split"]]:
            counts[place] += 1
            rows.append(row)
    return rows


def without(row: Row, *columns: str) -> Row:
    return {name: value for name, value in row.items() if name not in columns}


def question_file(folder: Path, rows: list[Row]) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def run(
    data: Path,
    rows: list[Row] | None = None,
    *,
    env: str = "smoke",
    pipeline: str = "self_improve",
    **given: Any,
) -> subprocess.CompletedProcess[str]:
    """Run `kedro run` on these questions; in the names of parameters, `__` stands for a dot."""
    if rows is not None:
        data.mkdir(parents=True, exist_ok=True)
        given = {"questions": question_file(data, rows), **given}
    named = {name.replace("__", "."): value for name, value in given.items()}
    params = ",".join(
        f"{name}={value}" for name, value in {**TINY, **named, "data_root": data}.items()
    )
    command = [sys.executable, "-m", "kedro", "run", f"--env={env}", f"--pipelines={pipeline}"]
    return subprocess.run(
        [*command, f"--params={params}"],
        cwd=ROOT,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
        },  # with a model this small, several threads would only wait for each other
        capture_output=True,
        text=True,
        timeout=900,
    )


def data_root(folder: Path) -> Path:
    """Copy the questions and models of the project into a folder that runs can use as data root."""
    shutil.copytree(ROOT / "data" / "01_raw", folder / "01_raw")
    for model in ("base", "base_small"):
        shutil.copytree(ROOT / "data" / "06_models" / model, folder / "06_models" / model)
    return folder


def tables(data: Path) -> dict[str, bytes]:
    """Everything that a run writes, except files that contain times or paths."""
    paths = (path for folder in TABLES for path in (data / folder).rglob("*") if path.is_file())
    return {
        str(path.relative_to(data)): path.read_bytes() for path in paths if path.name != ".lock"
    }


def chunks(data: Path) -> dict[str, int]:
    """Every sampled chunk and its modification time."""
    return {
        str(path): path.stat().st_mtime_ns for path in data.rglob("*.parquet") if is_chunk(path)
    }


def is_chunk(path: Path) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{16}\.parquet", path.name) is not None


def metrics_of(data: Path, rows: list[Row] | None = None, **given: Any) -> dict[str, Any]:
    """Run the pipeline, which must succeed and write a report; return its metrics.json."""
    done = run(data, rows, **given)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    assert (data / "08_reporting/report.html").exists()
    metrics: dict[str, Any] = json.loads((data / "08_reporting/metrics.json").read_text())
    return metrics
