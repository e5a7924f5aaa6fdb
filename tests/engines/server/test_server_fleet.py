"""Time limits, pauses, lost connections, and the list of models of a fleet of servers."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.engines.server import fleet as fleets
from lmsi_kedro.engines.server.faults import RefusedError, ServerError
from lmsi_kedro.engines.server.fleet import Fleet
from lmsi_kedro.params import ServerParams
from tests.engines.fake_server import Answer, Length, Raw, Reply, completion, running
from tests.engines.served import plan, sampled


@pytest.fixture
def model(tokenizer_only: Path, hurried: None) -> Path:
    return tokenizer_only


def params(url: str, retries: int = 1) -> ServerParams:
    return ServerParams(urls=[url], model="served", revision="sha256:00000000", retries=retries)


def once(bad: Reply, length: Length) -> Answer:
    """A server that works, except that its first answer to q1 is bad."""

    def answer(body: dict[str, Any], count: int) -> Reply:
        first = "Q: 1?" in body["prompt"] and count == 1
        return bad if first else completion(body, length)

    return answer


def test_hanging_server_times_out(model: Path, length: Length) -> None:
    """Each request has a time limit; the error names the server, and stored chunks are kept."""

    def hangs(body: dict[str, Any], count: int) -> Reply:
        if "n" in body and body["max_tokens"] == 8 and "Q: 5?" in body["prompt"]:
            time.sleep(3)
        return completion(body, length)

    with running(hangs) as server:
        start = time.monotonic()
        with pytest.raises(ServerError, match=rf"{server.url}/ APITimeoutError") as failed:
            sampled(plan(model, server, timeout_seconds=0.3, retries=1))
        assert time.monotonic() - start < 15
        assert "Finished chunks are kept" in str(failed.value)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_trickling_response_times_out_too(model: Path, length: Length, kind: str) -> None:
    """A proxy may keep a connection alive by sending a little data again and again."""
    drips = 200, Raw(b": ping\n" * 100, kind, drip=0.1)
    start = time.monotonic()
    with (
        running(once(drips, length)) as server,
        pytest.raises(ServerError, match=r"timeout_seconds=0\.5|event stream"),
    ):
        sampled(plan(model, server, timeout_seconds=0.5, retries=0))
    assert time.monotonic() - start < 8


def test_retry_after_header_is_obeyed(model: Path, length: Length) -> None:
    busy = 503, Raw(b"busy", "text/plain", {"Retry-After": "1"})
    with running(once(busy, length)) as server:
        start = time.monotonic()
        assert sampled(plan(model, server)).height == 24
    assert time.monotonic() - start > 1


def test_closing_a_fleet_ends_waiting_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "PAUSE", 30.0)
    with running(lambda body, count: (503, {"error": "busy"})) as server:
        fleet = Fleet(params(server.url))
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                fleet.complete(0, "?", max_tokens=1)
            except Exception as error:  # may come from the HTTP client, if it was still reading
                failed.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.bodies:
            time.sleep(0.01)
        fleet.close()
        thread.join(5)
        assert not thread.is_alive()
    assert failed


def test_a_refused_request_is_not_repeated() -> None:
    with running(lambda body, count: (400, {"error": {"message": "too long"}})) as server:
        fleet = Fleet(params(server.url))
        with pytest.raises(RefusedError, match="too long"):
            fleet.complete(0, "?", max_tokens=1)
        assert fleet.models() == {f"{server.url}/": ["served"]}
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "listed",
    [
        (200, Raw(b"<html></html>", "text/html")),
        (200, Raw(b'{"data": [{"id":')),
        (200, {"error": "not here"}),
        (200, {"data": 5}),
        (404, {"detail": "Not Found"}),
        (503, {"error": {"message": "Loading model"}}),
    ],
)
def test_failing_model_list_is_an_error(hurried: None, listed: Reply) -> None:
    with running(lambda body, count: (500, {})) as server:
        server.models = listed
        with pytest.raises(ServerError, match=rf"engine\.server\.urls: {server.url}/ .*Start that"):
            Fleet(params(server.url)).models()
        server.models = 200, {"object": "list", "data": None}
        assert Fleet(params(server.url)).models() == {f"{server.url}/": []}


def test_a_lost_connection_is_explained(hurried: None) -> None:
    fleet = Fleet(params("http://no-such-host.invalid/v1"))
    with pytest.raises(ServerError, match=r"Connection error\. \(.*(resolution|known|address).*\)"):
        fleet.complete(0, "?", max_tokens=1)
