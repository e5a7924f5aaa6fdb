"""A small HTTP server on loopback with a part of the OpenAI protocol, which can be made to misbehave."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Length = Callable[[Any], int]  # the number of tokens of a text or of a list of token ids


@dataclass(frozen=True)
class Raw:
    """A response body; announced: a wrong Content-Length; drip: seconds to wait after each line."""

    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    drip: float = 0


Reply = tuple[int, dict[str, Any] | Raw]
Answer = Callable[[dict[str, Any], int], Reply]


class FakeServer(ThreadingHTTPServer):
    """answer(body, count) returns status and content; count is the number of requests with this body so far."""

    daemon_threads = True

    def __init__(self, answer: Answer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer, self.bodies, self.keys = answer, list[dict[str, Any]](), set[str | None]()
        self.counts: Counter[str] = Counter()
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()
        self.models: Reply = 200, {"object": "list", "data": [{"id": "served", "object": "model"}]}

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
        finally:  # before the reply, because the client may send another request after it
            with server.lock:
                server.busy -= 1
        self.reply(*answer)

    def do_GET(self) -> None:
        self.reply(*self.server.models)

    def reply(self, status: int, content: dict[str, Any] | Raw) -> None:
        raw = content if isinstance(content, Raw) else Raw(json.dumps(content).encode())
        self.send_response(status)
        self.send_header("Content-Type", raw.kind)
        self.send_header("Content-Length", str(raw.announced or len(raw.body)))
        for name, value in raw.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # the client has hung up
            for part in [raw.body] if not raw.drip else raw.body.splitlines(keepends=True):
                self.wfile.write(part)
                time.sleep(raw.drip)

    def log_message(self, *args: Any) -> None:
        """Do not log requests."""


@contextmanager
def running(answer: Answer) -> Iterator[FakeServer]:
    server = FakeServer(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(body: dict[str, Any], length: Length, choices: int | None = None) -> Reply:
    """A valid answer; choice i contains the seed of the request + i, with which vLLM and llama.cpp sample it.

    length counts the tokens of a prompt.
    """
    n = body.get("n", 1) if choices is None else choices
    time.sleep(0.005)
    return 200, answered([choice(body, i) for i in range(n)], length(body["prompt"]))


def choice(body: dict[str, Any], index: int) -> dict[str, Any]:
    seed = body["seed"] + index if "seed" in body else index
    return {
        "index": index,
        "text": " Likeliest." if greedy(body) else f" Seed {seed}. The answer is {seed % 10}.",
        "finish_reason": "stop" if seed % 4 else "length",
        "logprobs": {"token_logprobs": [-0.5, -0.25], "tokens": ["a", "b"]}
        if "logprobs" in body
        else None,
    }


def greedy(body: dict[str, Any]) -> bool:
    """Whether a filter leaves only one token."""
    return body.get("top_k") == 1 or body.get("min_p") == 1 or body.get("top_p", 1) < 1e-3


def answered(choices: list[dict[str, Any]], prompt_tokens: int) -> dict[str, Any]:
    used = 4 * len(choices)
    return {
        "id": "1", "object": "text_completion", "created": 1, "model": "served", "choices": choices,
        "usage": {
            "prompt_tokens": prompt_tokens, "completion_tokens": used, "total_tokens": prompt_tokens + used,
        },
    }  # fmt: skip


def chatted(content: str | None, finish: str = "stop") -> dict[str, Any]:
    """A valid answer to a chat request, without usage, which some servers leave out."""
    message = {"role": "assistant", "content": content}
    return {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
