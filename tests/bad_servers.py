"""Misbehaving servers: the reply to a request, and the expected error line."""

import json
from collections.abc import Callable
from typing import Any

from tests.engines.fake_server import Raw, Reply, answered, completion

Misbehaviour = Callable[[dict[str, Any]], Reply]
HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"


def says(status: int, body: Any, kind: str = "application/json", **more: Any) -> Misbehaviour:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: (status, Raw(data, kind, **more))


def choices(**changed: Any) -> Misbehaviour:
    """A valid reply whose choices have these fields changed."""

    def answer(body: dict[str, Any]) -> Reply:
        status, content = completion(body, len)
        assert isinstance(content, dict)
        for choice in content["choices"]:
            choice |= changed
        return status, content

    return answer


LOOK = ". Look at engine.server.urls, engine.server.model and the environment variable LMSI_API_KEY"
PASSING = "no server gave a valid answer after 0 retries: {url} %s. Finished chunks are kept: run again when the servers work"
OTHER = (
    " which is not a complete JSON object: if this persists, something else answers there; check engine.server.urls, "
    "HTTP_PROXY and NO_PROXY"
)
MEND = ": if this persists, repair that server, or take it out of engine.server.urls"
SERVERS: list[tuple[Misbehaviour, str]] = [
    (says(401, {"error": "bad key"}), '{url} answers 401: {"error": "bad key"}' + LOOK),
    (says(403, {"error": "forbidden"}), '{url} answers 403: {"error": "forbidden"}' + LOOK),
    (says(404, {"error": "no such model"}), '{url} answers 404: {"error": "no such model"}' + LOOK),
    (says(400, {"error": "too long"}), '{url} answers 400: {"error": "too long"}'),
    (says(413, b"<html><title>too large</title>", "text/html"), "{url} answers 413: an HTML page 'too large'"),
    (says(429, {"error": "slow down"}), PASSING % 'answers 429: {"error": "slow down"}'),
    (says(500, {"error": "boom"}), PASSING % 'answers 500: {"error": "boom"}'),
    (says(502, HTML, "text/html"), PASSING % "answers 502: an HTML page '502 Bad Gateway'"),
    (says(200, b""), PASSING % f"answers with 0 bytes that end in '',{OTHER}"),
    (says(200, []), PASSING % f"answers with 2 bytes that end in '[]',{OTHER}"),
    (says(200, b'{"choices": [{"te'), PASSING % ("answers with 17 bytes that end in '{\"choices\": [{\"te'," + OTHER)),
    (says(200, b"{", announced=50), PASSING % "broke off its answer: peer closed connection without sending complete "
     "message body (received 1 bytes, expected 50)"),
    (says(200, answered([], 3)), PASSING % "answers with no choice"),
    (says(200, b"data: {}\n\n", "text/event-stream"),
     "{url} answers with an event stream, which was not requested: turn streaming off in the server, or in the proxy before it"),
    (choices(text=None), PASSING % f"answers with a choice that has no text{MEND}"),
    (choices(text="\ud800"), PASSING % f"answers with a choice that has half of a surrogate pair in its text{MEND}"),
    (choices(finish_reason="abort"), PASSING % f"answers with a choice that ended with finish_reason 'abort'{MEND}"),
    (choices(logprobs={"token_logprobs": [float("nan")], "tokens": ["a"]}),
     PASSING % f"answers with a choice that has the log-probability nan{MEND}"),
]  # fmt: skip
