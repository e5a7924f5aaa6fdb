"""Links on the pages lead to files that exist, and every page is listed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_to_existing_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_experiment_is_in_the_history() -> None:
    history = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs/experiments").glob("*.md"))
    assert pages
    assert not [page.name for page in pages if f"](experiments/{page.name})" not in history]


def test_every_page_is_in_the_navigation() -> None:
    """The pages of experiments are listed in docs/experiments.md instead."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "api").glob("*.md")]
    names = [page.relative_to(ROOT / "docs").as_posix() for page in pages]
    assert not [name for name in names if f": {name}\n" not in navigation]
