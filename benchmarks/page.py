"""Writes docs/benchmarks.md from docs/results/*.json. `make benchmarks-page` runs it."""

from pathlib import Path

from result import HEADER, PEERS, ROOT, Result, measures

PAGE = ROOT / "docs/benchmarks.md"
BEGINNING = """# Benchmarks

`python -m benchmarks` lists the benchmarks, and `python -m benchmarks NAME` runs one of them. With `--quick` it
takes less than a minute and stores nothing. `pip install -e '.[bench]' -c constraints.txt` installs the peers,
which are the libraries that we compare with. A ratio says how many times better our figure is than that of the
peer. This page is generated from `docs/results/*.json`, which is written by full runs; earlier figures are in
[Experiments](experiments.md).
"""


def section(name: str) -> str:
    """Return the heading and the table of a benchmark."""
    result, beginning = Result.load(name), f"\n## {name}\n\n{measures(name)}\n"
    if result is None:
        return f"{beginning}\nThere has been no full run yet.\n"
    rows = "\n".join(figure.row() for figure in result.figures)
    return f"{beginning}\n{result.heading()}\n{HEADER}\n{rows}\n"


def page() -> str:
    """Return the text of the whole page."""
    return BEGINNING + "".join(map(section, PEERS))


def write(path: Path = PAGE) -> None:
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
