"""The bill of materials lists everything that is pinned or bundled."""

import gzip
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
BUNDLED = ("conf/base/exemplars", "data", "examples", "tests/tokenizers", "tests/corpus")


def bill() -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/sbom.py"], capture_output=True, text=True, check=True
    )
    components: list[dict[str, str]] = json.loads(done.stdout)["components"]
    return components


def test_bill_of_materials_is_complete() -> None:
    components = bill()
    pins = (ROOT / "constraints.txt").read_text().split()
    assert [f"{c['name']}=={c['version']}" for c in components if c["type"] == "library"] == pins
    torch = next(c for c in components if c["name"] == "torch")
    assert re.fullmatch(r"pkg:pypi/torch@[\d.]+", torch["purl"])
    assert torch["licenses"]
    listed = tuple(ROOT / c["name"].partition(" ")[0] for c in components if c["type"] == "data")
    tracked = subprocess.run(
        ["git", "ls-files", *BUNDLED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [path for path in tracked.stdout.splitlines() if not path.endswith((".py", ".md"))]
    assert files
    assert [path for path in files if not {*listed} & {ROOT / path, *(ROOT / path).parents}] == []


def test_public_problems_have_their_real_sources() -> None:
    """The listed sets are the prefixes of the ids in data/01_raw/real; the commit is that of its README."""
    (row,) = (c for c in bill() if c["name"] == "data/01_raw/real")
    folder = ROOT / "data/01_raw/real"
    named = {
        json.loads(line)["id"].partition("-")[0]
        for file in folder.glob("*.jsonl.gz")
        for line in gzip.decompress(file.read_bytes()).splitlines()
    }
    sets, _, source = row["description"].partition("; ")
    assert {name.lower() for name in sets.split(", ")} == named
    commit = source.rpartition("commit ")[2]
    assert f"commit {commit}" in (folder / "README.md").read_text(encoding="utf-8")


def test_pydantic_without_exclude_if_is_refused() -> None:
    """`Task` uses exclude_if to omit unset fields, which pydantic 2.11 ignores."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    assert not named["pydantic"].contains("2.11.10")
    assert named["pydantic"].contains("2.12.0")
