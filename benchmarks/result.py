"""The figures of a benchmark, printed as a table and stored in docs/results/NAME.json.

A full run stores its figures and updates docs/benchmarks.md. With `--quick`, a run has smaller sizes and fewer
repeats, and only prints its figures.
"""

import argparse
import ast
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs/results"
QUICK = "--quick" in sys.argv
PEERS = {  # the required distributions of each benchmark
    "answers": ("lm-eval", "math-verify"),
    "votes": ("polars", "torch"),
    "sampling_tokens": ("transformers", "torch"),
    "decoding": ("transformers", "ctranslate2"),
    "real_model": ("openvino-genai", "xllamacpp", "ctranslate2", "onnxruntime-genai"),
    "scaling": (),
    "training": ("transformers", "trl"),
    "judge": ("lm-eval",),
    "served": ("transformers",),
    "gpu": ("transformers", "torch", "triton"),
}
HEADER = "| case | unit | ours | peer | peer's figure | ratio |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Figure:
    """One comparison. `ratio` says how many times better ours is; `theirs` is None if it was not stored."""

    case: str
    unit: (
        str  # ends with "/s" for a rate, begins with "share" for a share; everything else is a cost
    )
    ours: float
    peer: str
    theirs: float | None
    ratio: float

    def row(self) -> str:
        """Return the comparison as a row of the table."""
        theirs = "" if self.theirs is None else number(self.theirs)
        cells = self.case, self.unit, number(self.ours), self.peer, theirs, f"{self.ratio:.3g}"
        return f"| {' | '.join(cells)} |"


def figure(case: str, unit: str, ours: float, peer: str, theirs: float) -> Figure:
    """Return a comparison whose figures are rounded to four digits and whose ratio is rounded to three."""
    higher = unit.endswith("/s") or unit.startswith("share")
    ratio = ours / theirs if higher else theirs / ours
    return Figure(case, unit, rounded(ours, 4), peer, rounded(theirs, 4), rounded(ratio, 3))


def rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def number(value: float) -> str:
    """Format a number with thousands separators and without trailing zeros."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


@dataclass
class Result:
    """The figures of one benchmark; the first one is its headline."""

    name: str
    settings: dict[str, str]  # for "both", "ours" and each peer
    figures: list[Figure] = field(default_factory=list)
    date: str = field(default_factory=lambda: str(date.today()))
    machine: str = field(default_factory=lambda: machine())
    versions: dict[str, str] | None = None  # empty if the versions were not stored

    def __post_init__(self) -> None:
        if self.versions is None:
            self.versions = {name: installed(name) for name in packages(self.name)}

    def add(self, case: str, unit: str, ours: float, peers: Mapping[str, float]) -> None:
        """Prints and stores the figures of one case; the first call also prints the heading."""
        if not self.figures:
            print(self.heading(), HEADER, sep="\n")
        found = [figure(case, unit, ours, peer, theirs) for peer, theirs in peers.items()]
        print(*(one.row() for one in found), sep="\n", flush=True)
        self.figures += found

    def heading(self) -> str:
        """Return a text with the date, the machine, the versions and the settings."""
        versions = ", ".join(f"{name} {number}" for name, number in (self.versions or {}).items())
        settings = "".join(f"\n- {whose}: {what}" for whose, what in self.settings.items())
        where = f"{self.date}, {self.machine}{'; ' if versions else ''}{versions}."
        return f"{where}\n{settings}\n"

    def finish(self) -> None:
        """Writes the figures of a full run to its file, and updates the page."""
        if QUICK:
            return
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        (RESULTS / f"{self.name}.json").write_text(text, encoding="utf-8")
        from page import write

        write()

    @staticmethod
    def load(name: str) -> "Result | None":
        """Return the stored figures of a benchmark, or None if there was no full run."""
        path = RESULTS / f"{name}.json"
        if not path.exists():
            return None
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Result(**stored | {"figures": [Figure(**one) for one in stored["figures"]]})


def packages(name: str) -> list[str]:
    """The distributions whose versions are stored: lmsi-kedro, torch, and the peers."""
    return list(dict.fromkeys(["lmsi-kedro", "torch", *PEERS[name]]))


def installed(name: str) -> str:
    """Return the version of a distribution, or `not installed`."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def arguments(file: str, doc: str) -> argparse.ArgumentParser:
    """Return the argument parser of a benchmark; if a peer is not installed, exit with a line that names it."""
    name = Path(file).stem
    missing = [peer for peer in PEERS[name] if installed(peer) == "not installed"]
    if missing and not {"-h", "--help"} & set(sys.argv):
        need = f"{name} needs {', '.join(missing)}: pip install -e '.[bench]' -c constraints.txt"
        sys.exit(need)
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes; nothing is stored")
    return parser


def measures(name: str) -> str:
    """Return the first line of the docstring of a benchmark, which says what it measures."""
    source = (ROOT / f"benchmarks/{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


def machine() -> str:
    """The CPU model, the instruction set of the kernels and the number of cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    try:
        from lmsi_kedro.kernels._native import sampling_isa
    except ImportError:  # the C++ kernels may not be built on a GPU machine
        isa = "kernels not built"
    else:
        isa = sampling_isa()
    cores = len(os.sched_getaffinity(0))
    name = models[0] if models else "unknown CPU"
    return f"{name}, {isa}, {cores} core{'s' if cores > 1 else ''}"
