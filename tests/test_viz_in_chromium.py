"""Kedro-Viz in Chromium shows the votes, the metrics, the code of a node and the status of a finished run."""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CHROMIUM, opened
from tests.runs import ROOT, metrics_of, world_rows

pytestmark = pytest.mark.slow
EVENTS = Path(".viz/kedro_pipeline_events.json")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site that `kedro viz build` makes, offline, from a project with a finished run."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    project = tmp_path_factory.mktemp("project")
    for folder in ("conf", "src"):
        shutil.copytree(ROOT / folder, project / folder)
    for file in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / file, project / file)
    for shipped in ("01_raw", "06_models/base", "06_models/base_small"):
        shutil.copytree(ROOT / "data" / shipped, project / "data" / shipped)
    metrics_of(project / "data", world_rows())
    (project / EVENTS).parent.mkdir()
    shutil.copy(ROOT / EVENTS, project / EVENTS)
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
    subprocess.run(command, cwd=project, check=True, timeout=300)
    with served(project / "build") as address:
        yield address


@pytest.fixture
def page(site: str) -> Iterator[Any]:
    with opened(site, viewport={"width": 1500, "height": 1000}) as page:
        page.locator(".feature-hints__close").click()
        yield page


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class served:  # noqa: N801  # used as a function
    """Serves a folder over HTTP and returns its address."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def clicked(page: Any, name: str) -> Any:
    """Search for a dataset or node, click it in the list and return its panel."""
    page.get_by_placeholder("Search").fill(name)
    page.locator(f'button[title="{name}"]').click()
    return page.locator(".pipeline-metadata")


def test_votes_are_previewed_as_a_table(page: Any) -> None:
    panel = clicked(page, "round_1.votes")
    panel.get_by_text("question_id").wait_for()
    assert panel.locator("td").count() > 20


def test_metrics_are_previewed_as_json(page: Any) -> None:
    panel = clicked(page, "metrics")
    panel.get_by_text("headline").first.wait_for()


def test_accuracies_are_drawn(page: Any) -> None:
    panel = clicked(page, "accuracy_chart")
    panel.locator("svg .point").first.wait_for()


def test_a_node_shows_its_code(page: Any) -> None:
    """The function of this node has a fixed argument."""
    panel = clicked(page, "count_votes")
    panel.get_by_text("Show Code").click()
    page.locator(".pipeline-metadata-code", has_text="count_within(readings").wait_for()


def test_layers_are_in_order(page: Any) -> None:
    names = page.locator(".pipeline-layer-name").all_inner_texts()
    assert names[:2] == ["given", "prepared"]
    assert names[-2:] == ["evaluation", "report"]


def test_the_status_of_the_run_is_shown(page: Any, site: str) -> None:
    """Every node of the run succeeded."""
    page.locator('a[href="/workflow"]').click()
    page.get_by_text("Success").first.wait_for()
    status = json.loads(page.request.get(f"{site}api/run-status").text())
    assert {node["status"] for node in status["nodes"].values()} == {"success"}
    assert len(status["nodes"]) > 60
