"""The wheel is installed from the index into a new environment, outside of the repository, and used there."""

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lmsi_kedro.commands.init import COPIED

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
pytestmark = pytest.mark.slow  # takes minutes, most of them to download and install torch


def call(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command without the environment of this repository and return its output."""
    alone = {n: v for n, v in os.environ.items() if n in ("HOME", "LANG", "PATH", "TMPDIR")}
    done = subprocess.run(
        command, cwd=cwd, env={**alone, "DO_NOT_TRACK": "1", **environment},
        capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    call(
        *build,
        "--wheel-dir",
        folder,
        f"--config-settings=build-dir={folder}/build",
        ROOT,
        cwd=folder,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def binaries(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", folder, cwd=folder)
    pip: list[str | Path] = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "-c",
        CONSTRAINTS,
    ]
    indexes = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    call(*pip, wheel, cwd=folder, **indexes)
    return folder / "bin"


def test_wheel_has_only_what_a_project_needs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "lmsi_kedro/py.typed" in names
    assert any(name.startswith("lmsi_kedro/kernels/_native.") for name in names)
    for part in COPIED:
        assert any(name.startswith(f"lmsi_kedro/project/{part}") for name in names), part
    assert not [name for name in names if "/project/data/0" in name and "/data/01" not in name
                and "/06_models/base" not in name]  # fmt: skip
    assert wheel.stat().st_size < 10e6


def test_a_new_project_runs(binaries: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    found = {"PATH": f"{binaries}:{os.environ['PATH']}"}
    version = call(binaries / "lmsi", "--version", cwd=tmp_path)
    assert call(binaries / "python", "-m", "lmsi_kedro", "--version", cwd=tmp_path) == version
    assert "kedro run" in call(binaries / "lmsi", "init", "my-project", cwd=tmp_path)
    project = tmp_path / "my-project"
    said = call(binaries / "kedro", "run", "--env=smoke", cwd=project, **found)
    assert "model   data/06_models/model_1" in said
    metrics = json.loads((project / "data/08_reporting/metrics.json").read_text())
    assert metrics["headline"]["n"] == 48
    assert "report  data/08_reporting/report.html" in call(binaries / "lmsi", "report", cwd=project)
    print(f"from lmsi --version to the report of a small run: {time.monotonic() - begun:.0f} s")
