"""`benchmarks/real_gpu.sh` needs only the packages that are bundled with it: both runs finish without others."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks/real_gpu.sh"
MACHINE = {"python_version": "3.12", "python_full_version": "3.12.3", "extra": ""}
# Hides the modules and plugins of other packages from every process that has this file on its path.
ABSENT = """
import re
from importlib import metadata
from importlib.machinery import PathFinder
find, listed = PathFinder.find_spec, metadata.distributions
def here(name, path=None, target=None):
    return None if name.partition(".")[0] in {absent} else find(name, path, target)
def installed(**given):
    return (each for each in listed(**given) if re.sub("[-_.]+", "-", each.name).lower() in {allowed})
PathFinder.find_spec, metadata.distributions = here, installed
"""


def normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def listed() -> tuple[set[str], set[str]]:
    """The bundled packages, and those that the machine already has."""
    lines = (ROOT / "benchmarks/real_gpu.txt").read_text().splitlines()
    has = {name for line in lines if line.startswith("# has:") for name in line.split()[2:]}
    return {line for line in lines if not line.startswith("#")}, has


def needed(wanted: Iterable[str], stop: set[str]) -> set[str]:
    """The packages of these requirements and their dependencies, except the dependencies of those in `stop`."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        requirement = Requirement(waiting.pop())
        name, marker = normal(requirement.name), requirement.marker
        if name in found or (marker and not marker.evaluate(MACHINE)):
            continue
        found.add(name)
        try:
            waiting += [] if name in stop else requires(name) or []
        except PackageNotFoundError:  # such as CUDA packages on a machine without a GPU
            continue
    return found


def test_every_dependency_is_bundled_or_preinstalled() -> None:
    carried, has = listed()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {"triton"}  # on GPUs
    assert needed(project["dependencies"], has) | extra == carried | has
    constraints = (ROOT / "constraints.txt").read_text()
    pinned = {normal(line.partition("==")[0]) for line in constraints.splitlines()}
    assert carried <= pinned


@pytest.mark.slow
def test_both_runs_finish_with_bundled_packages_only(tmp_path: Path) -> None:
    """The runs use a CPU, this Python, smoke sizes and random weights; they end with reports."""
    carried, has = listed()
    allowed = needed([*carried, *has], set()) | {"lmsi-kedro"}
    absent = {
        module
        for module, owners in packages_distributions().items()
        if not {normal(owner) for owner in owners} & allowed
    }
    assert {"kedro", "polars", "torch"}.isdisjoint(absent)
    assert {"ray", "datasets", "pandas"} <= absent
    hiding = ABSENT.replace("{absent}", repr(absent)).replace("{allowed}", repr(allowed))
    (tmp_path / "sitecustomize.py").write_text(hiding)
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "PYTHON": sys.executable,
        "GPU": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [SCRIPT, "run", "smoke"], env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for name, tasks in (("embedded", 6), ("random_smollm2", 6)):
        metrics = json.loads((tmp_path / f"out/{name}.json").read_text())
        assert len(metrics["rounds"][0]["tasks"]) == tasks
        assert metrics["headline"]["n"] > 0
        assert (tmp_path / f"out/{name}.html").stat().st_size > 10_000
        assert re.search(rf"^{name}: \d+ s$", done.stdout, re.MULTILINE)
    assert len(re.findall(r"sampled (\d+) of \1 chunks.*tokens/s", done.stdout)) >= 2
    assert len(re.findall(r"Step (\d+) of \1, loss", done.stdout)) == 4
