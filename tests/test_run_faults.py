"""Whole runs on a full disk, without permission, with a killed worker, and under a clock that jumps.

Each run ends with one line that says what happened, or is unaffected; the same command then continues, and the
tables are those of a run without the fault.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which

import psutil
import pytest

from lmsi_kedro.cli import STOPPED
from tests.disks import Small
from tests.runs import ROOT, TINY, question_file, tables, world_rows

# One file that each step makes, in the order of the run; the disk fills up once it exists.
STEPS = (
    "03_paths/round_1/*.parquet",
    "04_votes/round_1/readings.parquet",
    "05_examples/round_1/taught.parquet",
    "05_examples/round_1/mixture.parquet",
    "06_models/model_1/model.safetensors",
    "07_evaluation/predictions_0.parquet",
)
# Moves the wall clock by a day whenever it is read in another second: forwards, back, forwards, ...
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
typedef int (*reader)(clockid_t, struct timespec *);
static time_t jumped(time_t seconds) { return seconds + (seconds % 2 ? 86400 : -86400); }
int clock_gettime(clockid_t clock, struct timespec *now) {
  static reader real;
  if (!real) real = (reader)dlsym(RTLD_NEXT, "clock_gettime");
  const int failed = real(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec = jumped(now->tv_sec);
  return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec exact;
  const int failed = clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return failed;
}
time_t time(time_t *out) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (out) *out = exact.tv_sec;
  return exact.tv_sec;
}
"""
Run = subprocess.Popen[str]
pytestmark = pytest.mark.slow


def start(data: Path, extra: dict[str, str] | None = None, by: Sequence[str] = ()) -> Run:
    """Start the run with further environment variables, as an argument of the command `by`."""
    given = TINY | {"data_root": data, "questions": data.parent / "questions.jsonl"}
    given |= {"engine.workers": 2}
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=self_improve", "--env=smoke"]
    return subprocess.Popen(
        [*by, *command, f"--params={params}"], cwd=ROOT, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | (extra or {}),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def last_line(run: Run) -> str:
    said, _ = run.communicate(timeout=1800)
    assert run.returncode, said[-3000:]
    return said.splitlines()[-1]


def finish(data: Path, extra: dict[str, str] | None = None) -> dict[str, bytes]:
    """Run to the end; return the tables."""
    run = start(data, extra)
    said, _ = run.communicate(timeout=1800)
    assert run.returncode == 0, said[-3000:]
    return tables(data)


def wait_for(run: Run, found: Callable[[], bool]) -> None:
    while not found():
        assert run.poll() is None, run.communicate()[0][-3000:]
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of a run without a fault."""
    data = tmp_path_factory.mktemp("whole") / "data"
    question_file(data.parent, world_rows())
    return finish(data)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    question_file(tmp_path, world_rows())
    return tmp_path / "data"


def test_full_disk_in_each_step_is_resumed(data: Path, whole: dict[str, bytes]) -> None:
    data.mkdir()
    with Small(data).mounted("size=48m") as disk:
        for file in STEPS:
            run = start(data)
            wait_for(run, lambda file=file: any(data.glob(file)))  # type: ignore[misc]
            ballast = fill(disk.path / "ballast")
            said = last_line(run)
            # Training has its own words for a disk that was full when it wrote a checkpoint.
            assert re.search("No space left on device|disk of .* is full", said), (file, said)
            assert said.startswith("lmsi: ")
            ballast.unlink()
        assert finish(data) == whole


def fill(path: Path) -> Path:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 12))
    return path


def test_folder_without_permission_is_named(data: Path) -> None:
    """An ordinary user may not write to a folder of mode 555; root is denied its right to do so."""
    unprivileged = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if not os.getuid() and not which("setpriv"):
        pytest.skip("setpriv is not installed, and root may write everywhere")
    data.mkdir(mode=0o555)
    said = last_line(start(data, by=[] if os.getuid() else unprivileged))
    assert said == (
        f"lmsi: data_root: {data} cannot be written to: Permission denied; give this run another data_root"
    )


def test_worker_killed_for_memory_is_one_line(data: Path, whole: dict[str, bytes]) -> None:
    """The system kills a process with SIGKILL when memory runs out."""
    run = start(data)
    wait_for(run, lambda: any(data.glob(STEPS[0])))
    for worker in workers(run):
        worker.send_signal(signal.SIGKILL)
    said = last_line(run)
    assert said.startswith("lmsi: a sampling worker died, most likely because memory ran out")
    assert "traceback" not in said
    assert finish(data) == whole


def workers(run: Run) -> Iterator[psutil.Process]:
    for child in psutil.Process(run.pid).children(recursive=True):
        with suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                yield child


def test_clock_that_jumps_changes_nothing(data: Path, whole: dict[str, bytes]) -> None:
    """The run is also stopped and continued, so that files seem to come from the future."""
    compiler = which("cc") or which("c++")
    assert compiler
    source, library = data.parent / "clock.c", data.parent / "clock.so"
    source.write_text(CLOCK)
    options = ["-x", "c", "-shared", "-fPIC", "-O1", "-ldl"]
    subprocess.run([compiler, *options, "-o", str(library), str(source)], check=True)
    extra = {"LD_PRELOAD": str(library)}
    run = start(data, extra)
    wait_for(run, lambda: any(data.glob(STEPS[2])))
    run.send_signal(signal.SIGTERM)
    assert last_line(run) == STOPPED
    assert finish(data, extra) == whole
