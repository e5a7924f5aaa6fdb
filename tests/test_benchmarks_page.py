"""The benchmark page matches the stored results; compared libraries are pinned, and errors name missing ones."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
QUOTED = re.compile(r"\d times (HF|CTranslate2|as fast as TRL|OpenVINO|lm-eval|polars)")


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put benchmarks/ on the path, as its modules import each other by bare names."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield
    for name in ("result", "page"):
        sys.modules.pop(name, None)


def test_page_is_written_from_the_results() -> None:
    from page import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(), "make benchmarks-page"


def test_missing_versions_stay_unknown() -> None:
    from result import Result

    assert Result("votes", {}, versions={}).versions == {}
    assert "torch" in (Result("votes", {}).versions or {})


def test_ratios_match_the_figures() -> None:
    from result import PEERS, Result, figure

    for result in filter(None, map(Result.load, PEERS)):
        assert result.figures
        for one in result.figures:
            if one.theirs is not None:  # figures copied from older pages have two digits
                again = figure(one.case, one.unit, one.ours, one.peer, one.theirs)
                assert one.ratio == pytest.approx(again.ratio, rel=0.1)


def test_no_other_page_quotes_a_ratio() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    history = {"experiments.md", "benchmarks.md"}
    quoting = [
        page.name for page in pages if page.name not in history and QUOTED.search(page.read_text())
    ]
    assert quoting == []


def test_peers_are_in_the_extra_and_pinned() -> None:
    from result import PEERS

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["bench"], "triton"]
    extra = {canonicalize_name(Requirement(line).name) for line in named}
    lines = (ROOT / "constraints.txt").read_text().split()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines}
    peers = {canonicalize_name(peer) for each in PEERS.values() for peer in each}
    assert peers <= extra & pinned


def test_only_full_runs_store_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import page
    import result

    monkeypatch.setattr(result, "RESULTS", tmp_path)
    monkeypatch.setattr(page, "write", lambda: None)
    monkeypatch.setattr(result, "QUICK", True)
    made = result.Result("votes", {"both": "one thread"})
    made.add("m = 8", "us", 2.0, {"Counter": 8.0})
    made.add("m = 8", "tokens/s", 8.0, {"Counter": 2.0})
    made.finish()
    assert result.Result.load("votes") is None
    monkeypatch.setattr(result, "QUICK", False)
    made.finish()
    assert result.Result.load("votes") == made
    assert [one.ratio for one in made.figures] == [4, 4]
    assert "| m = 8 | us | 2 | Counter | 8 | 4 |" in capsys.readouterr().out


def test_missing_peer_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import result

    monkeypatch.setitem(result.PEERS, "votes", ("no-such-library",))
    with pytest.raises(SystemExit, match=r"^votes needs no-such-library: pip install .*$"):
        result.arguments("benchmarks/votes.py", "")


def test_table_of_contents_lists_every_benchmark() -> None:
    from result import PEERS, measures

    command = [sys.executable, "-m", "benchmarks"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"{name:16} {measures(name)}\n" in listed for name in PEERS)
