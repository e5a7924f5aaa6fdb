"""A small HTTP server on loopback that speaks enough of the OpenAI protocol, and misbehaves when told to."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, Any]]


class FakeServer(ThreadingHTTPServer):
    """answer(body, count) gives status and content of the count-th request with this body, from 1."""

    daemon_threads = True

    def __init__(self, answer: Callable[[dict[str, Any], int], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.bodies, self.keys = answer, list[dict[str, Any]](), set[str | None]()
        self.counts: Counter[str] = Counter()
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.keys.add(self.headers["Authorization"])
            server.counts[key := json.dumps(body, sort_keys=True)] += 1
            server.busy += 1
            server.most_busy = max(server.most_busy, server.busy)
        try:
            answer = server.answer(body, server.counts[key])
        finally:  # before the reply, after which the client may ask again
            with server.lock:
                server.busy -= 1
        self.reply(*answer)

    def do_GET(self) -> None:
        self.reply(200, {"object": "list", "data": [{"id": "served", "object": "model"}]})

    def reply(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError):  # the client did not wait
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Silent."""


@contextmanager
def running(answer: Callable[[dict[str, Any], int], Reply]) -> Iterator[FakeServer]:
    server = FakeServer(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(
    body: dict[str, Any], length: Callable[[str], int], choices: int | None = None
) -> Reply:
    """A good answer, of text made of the seed; length counts the tokens of a prompt."""
    tokens = length(body["prompt"])
    n = body.get("n", 1) if choices is None else choices
    time.sleep(0.005)
    made = [
        {
            "index": i,
            "text": f" Seed {body.get('seed')}, choice {i}. The answer is {i}.",
            "finish_reason": "length" if i == 1 else "stop",
            "logprobs": {"token_logprobs": [-0.5, -0.25], "tokens": ["a", "b"]}
            if "logprobs" in body
            else None,
        }
        for i in range(n)
    ]
    usage = {"prompt_tokens": tokens, "completion_tokens": 4 * n, "total_tokens": tokens + 4 * n}
    return 200, {
        "id": "1", "object": "text_completion", "created": 1, "model": "served", "choices": made, "usage": usage,
    }  # fmt: skip
