"""The same seed gives equal numbers in another copy of the project and equal texts on other instruction sets."""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from tests.kernels.instruction_sets import supported
from tests.runs import ROOT, TINY, question_file, world_rows

COPIED = ("conf", "src", "data/01_raw", "data/06_models/base", "pyproject.toml")
TABLES = ("02_intermediate", "03_paths", "04_votes", "05_examples", "07_evaluation")
# Durations and dates, which differ between runs; everything else on a page is the same.
TIMES = re.compile(
    r"(?:[\d.,]+\s?(?:ms|s|min|minutes|seconds|hours|h)\b\s*)+|\d{4}-\d\d-\d\d[ T]?[\d:]*"
)


def copy_of_the_project(folder: Path) -> Path:
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
    question_file(folder, world_rows())
    return folder


def kedro_run(project: Path, pipeline: str, **environment: str) -> Path:
    """Run a pipeline in the folder of a project and return its data root."""
    given = TINY | {"questions": "questions.jsonl", "engine.dtype": "float32"}
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", f"--pipelines={pipeline}", "--env=smoke"]
    done = subprocess.run(
        [*command, f"--params={params}"],
        cwd=project,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return project / "data"


def tables(data: Path) -> dict[str, bytes]:
    """The contents of all tables and weights by path."""
    found = (path for folder in TABLES for path in (data / folder).rglob("*.*"))
    paths = (*found, *(data / "06_models").glob("*/*.safetensors"))
    files = {str(path.relative_to(data)): path for path in paths if path.name != ".lock"}
    return {name: path.read_bytes() for name, path in files.items() if path.is_file()}


def digest_of_the_page(data: Path) -> str:
    """The digest of the report without times and paths."""
    page = (data / "08_reporting/report.html").read_text()
    return sha256(TIMES.sub("", page.replace(str(data.parent), "")).encode()).hexdigest()


@pytest.mark.slow
def test_two_copies_of_the_project_give_equal_results(tmp_path: Path) -> None:
    one, other = (
        kedro_run(copy_of_the_project(tmp_path / name), "self_improve")
        for name in ("one", "another_place")
    )
    assert tables(one).keys() == tables(other).keys()
    assert {name for name, table in tables(one).items() if tables(other)[name] != table} == set()
    read = [json.loads((data / "08_reporting/metrics.json").read_text()) for data in (one, other)]
    assert read[0] == read[1]
    assert digest_of_the_page(one) == digest_of_the_page(other)


@pytest.mark.slow
def test_instruction_sets_sample_the_same_texts(tmp_path: Path) -> None:
    """In float32, AVX2 and AVX-512 give the same texts, and log-probabilities within 1e-4."""
    if not supported("avx512"):
        pytest.skip("this processor has no AVX-512")
    drawn = []
    for isa in ("avx2", "avx512"):
        project = copy_of_the_project(tmp_path / isa)
        stored = kedro_run(project, "sampling", LMSI_ISA=isa) / "03_paths/round_1"
        paths = pl.concat([pl.read_parquet(file) for file in stored.glob("*.parquet")])
        drawn.append(paths.sort("question_id", "path"))
    one, other = drawn
    assert one.drop("logprob").equals(other.drop("logprob"))
    difference = (one["logprob"] - other["logprob"]).abs().max()
    assert isinstance(difference, float)
    assert 0 < difference < 1e-4  # 0: both ran on the same instruction set


def test_no_result_reads_the_clock() -> None:
    """A clock that jumps therefore changes no result; code that waits uses time.monotonic."""
    clock = re.compile(r"\btime\.time\(|\bdatetime\.now\(|\b(?:date|datetime)\.today\(")
    source = ROOT / "src/lmsi_kedro"
    reading = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if clock.search(path.read_text())
    }
    assert reading == {
        "commands/forecast/measurement.py",  # how long a run would take
        "commands/try_model/asking.py",
        "datasets/first_day.py",  # read once and stored, so a resumed run keeps its first day
        "datasets/this_run.py",  # the time of a run, for its record
        "tracking.py",
    }
