"""Requests completions and chat replies from a fleet of OpenAI-compatible servers.

Lost connections, timeouts, the transient status codes in `faults`, and responses that `reply` rejects are
transient errors. They are retried with exponential backoff or after the pause that the server requests, and then
on the next server. The API key is only read from an environment variable, which is LMSI_API_KEY for engines.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from typing import Any, TypeVar

from lmsi_kedro.engines.server.faults import PassingError, ServerError, fault
from lmsi_kedro.engines.server.reply import Reader, Reply
from lmsi_kedro.params import EndpointParams

PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds; the pause doubles each time, as in the openai client
LONGEST_WAIT = 60.0  # seconds, even if a server requests a longer pause
Result = TypeVar("Result")


class Fleet:
    """The servers of `engine.server` or of `voting.reader`; threads may share a fleet."""

    def __init__(self, params: EndpointParams, revive: Callable[[], bool] = lambda: False) -> None:
        """revive is called after every transient error; it returns whether it has restarted a server."""
        self.params, self.revive = params, revive
        self.servers = [Server(url, params) for url in params.urls]
        self.closed = threading.Event()

    def complete(
        self, turn: int, prompt: str | list[int], needed: Set[str] = frozenset(), **fields: Any
    ) -> Reply:
        """The reply to one request; turn chooses the first server, so that all get an equal share of requests.

        needed: `usage` or `logprobs`, if a reply without them should be an error.
        """
        return self.post(turn, {"prompt": prompt, **fields}, needed)

    def chat(self, turn: int, message: str, **fields: Any) -> Reply:
        """The reply to one message of a user."""
        messages = [{"role": "user", "content": message}]
        return self.post(turn, {"messages": messages, **fields}, frozenset())

    def post(self, turn: int, fields: Mapping[str, Any], needed: Set[str]) -> Reply:
        failures, status = dict[str, str](), None
        for server, retries in self.in_turn(turn):
            try:
                return self.retry(partial(self.try_server, server, fields, needed), retries)
            except PassingError as error:
                failures[server.url], status = f"{error}{because(error)}", error.status
        failed = ServerError(
            f"no server gave a valid answer after {self.params.retries} retries: {'; '.join(failures.values())}. "
            "Finished chunks are kept: run again when the servers work"
        )
        failed.status = status
        raise failed

    def try_server(self, server: "Server", fields: Mapping[str, Any], needed: Set[str]) -> Reply:
        try:
            return server.complete(fields, needed)
        except PassingError:
            if self.revive():  # a restarted server gets another request even without retries
                return server.complete(fields, needed)
            raise

    def in_turn(self, turn: int) -> "Iterator[tuple[Server, int]]":
        """Every server, first without retries, so that no request waits for a dead one, and then with retries."""
        first = turn % len(self.servers)
        order = [*self.servers[first:], *self.servers[:first]]
        if len(order) > 1:
            yield from ((server, 0) for server in order)
        yield from ((server, self.params.retries) for server in order)

    def retry(self, ask: Callable[[], Result], retries: int) -> Result:
        """The result of `ask`, retried after transient errors."""
        pause = PAUSE
        for _ in range(retries):
            try:
                return ask()
            except PassingError as error:
                # Random, so that threads do not retry at the same time.
                wait = pause * random.uniform(0.75, 1) if error.after is None else error.after
                if self.closed.wait(min(wait, LONGEST_WAIT)):
                    raise
                pause = min(2 * pause, LONGEST_PAUSE)
        return ask()

    def models(self) -> dict[str, list[str]]:
        """The names that every server lists; ServerError for one that cannot be reached."""
        names = {}
        for server in self.servers:
            try:
                names[server.url] = self.retry(server.names, self.params.retries)
            except ServerError as error:
                url, key = self.params.advice.url, self.params.advice.key
                raise ServerError(
                    f"{url}: {error} Start that server, or correct its url or {key}{because(error)}"
                ) from error
        return names

    def close(self) -> None:
        """Ends all pauses between retries, and closes the connections."""
        self.closed.set()
        for server in self.servers:
            server.client.close()


class Server:
    """One url of the fleet."""

    def __init__(self, url: str, params: EndpointParams) -> None:
        try:
            from openai import OpenAI
        except ModuleNotFoundError as error:
            raise ServerError(
                "requests to servers need the package openai: pip install 'lmsi-kedro[server]'"
            ) from error
        self.model, self.timeout, self.advice = params.model, params.timeout_seconds, params.advice
        self.client = OpenAI(
            base_url=url, api_key=key(self.advice.key), max_retries=0, timeout=self.timeout
        )
        self.url = str(self.client.base_url)

    def complete(self, fields: Mapping[str, Any], needed: Set[str]) -> Reply:
        chat, create = "messages" in fields, self.client.completions.with_streaming_response.create
        call: Callable[..., Any] = partial(create, prompt="")
        if chat:
            create_chat = self.client.chat.completions.with_streaming_response.create
            call = partial(create_chat, messages=[])
        # extra_body, because the client's own arguments cover only OpenAI's fields.
        body = self.answer(partial(call, model=self.model, extra_body=fields))
        return Reader(self.url, needed, fields.get("n", 1), self.advice, chat).reply(*body)

    def names(self) -> list[str]:
        """The models that the server lists."""
        body = self.answer(self.client.models.with_streaming_response.list)
        data = Reader(self.url, advice=self.advice).data(*body)
        listed = data.get("data") or []  # null from Ollama without models
        if "data" not in data or not isinstance(listed, list):
            raise fault(self.url, None, str(data))
        return [str(model["id"]) for model in listed if isinstance(model, dict) and "id" in model]

    def answer(self, call: Callable[[], Any]) -> tuple[bytes, str]:
        """The body of a response and its Content-Type."""
        import openai

        end = time.monotonic() + self.timeout
        try:
            with call() as response:
                kind = response.headers.get("content-type", "")
                return b"" if "event-stream" in kind else self.body(response, end), kind
        except openai.APIStatusError as error:
            wait = seconds(error.response.headers.get("retry-after"))
            text = error.response.text
            raise fault(self.url, error.status_code, text, wait, self.advice) from None
        except openai.APITimeoutError as error:
            raise self.too_slow(error) from None
        except openai.APIConnectionError as error:
            raise PassingError(f"{self.url} {error}") from error.__cause__

    def body(self, response: Any, end: float) -> bytes:
        """Reads the whole body within the time limit; the client's own limit applies to each part."""
        parts = []
        try:
            for part in response.iter_bytes():
                parts.append(part)
                if time.monotonic() > end:
                    raise TimeoutError
        except TimeoutError as error:
            raise self.too_slow(error) from None
        except Exception as error:  # versions of openai use different HTTP libraries
            raise PassingError(f"{self.url} broke off its answer: {error}") from None
        return b"".join(parts)

    def too_slow(self, error: Exception) -> PassingError:
        return PassingError(
            f"{self.url} {type(error).__name__}: no answer within timeout_seconds={self.timeout:g}"
        )


def key(name: str) -> str:
    """The bearer token in this environment variable; most servers need none."""
    token = os.environ.get(name, "").strip()
    if not token.isascii() or not token.isprintable():
        raise ServerError(
            f"the environment variable {name} has characters that an HTTP header cannot contain"
        )
    return token or "none"


def seconds(header: str | None) -> float | None:
    """The value of a Retry-After header in seconds; None for a date."""
    return float(header) if header and header.isdecimal() else None


def because(error: ServerError) -> str:
    """The cause of a lost connection, which the openai client omits: no such host, connection refused, ..."""
    return f" ({error.__cause__})" if error.__cause__ else ""
