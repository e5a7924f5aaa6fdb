"""Writes a software bill of materials for constraints.txt and the bundled data, as CycloneDX 1.6 in JSON.

    python .ci/sbom.py > .build/sbom.json      # make sbom

Licences of packages are those that an installed package declares; licences of data are from docs/supply_chain.md.
"""

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
Component = dict[str, Any]


def packages(constraints: str) -> list[Component]:
    """Every pinned package."""
    pins = re.findall(r"^([\w.-]+)==(\S+)", constraints, re.MULTILINE)
    return [
        component("library", name, version, license_of(name), purl=f"pkg:pypi/{name.lower()}@{version}")
        for name, version in pins
    ]  # fmt: skip


def data(page: str) -> list[Component]:
    """Every row of the page's table: place, what it is, licence, source."""
    rows = re.findall(r"^\| `([^|]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    return [
        component("data", place, None, licence, description=f"{what}; {source}")
        for place, what, licence, source in rows
    ]


def component(kind: str, name: str, version: str | None, licence: str, **more: str) -> Component:
    known = {"licenses": [{"license": {"name": licence}}]} if licence else {}
    versioned = {"version": version} if version else {}
    return {"type": kind, "name": name, **versioned, **known, **more}


def license_of(package: str) -> str:
    """The licence expression, else the classifiers, else the first line of License; empty if not installed."""
    try:
        declared = metadata(package)
    except PackageNotFoundError:
        return ""
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in declared.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    given = declared.get("License-Expression") or " AND ".join(classifiers)
    return given or (declared.get("License") or "").strip().partition("\n")[0]


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = packages((ROOT / "constraints.txt").read_text())
    bundled = data((ROOT / "docs/supply_chain.md").read_text())
    this = component("application", project["name"], project["version"], project["license"])
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": this},
        "components": [*pinned, *bundled],
    }
    json.dump(bill, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
