"""Asks a fleet of OpenAI-compatible servers for completions and chats. Knows nothing of questions or paths.

What may pass is asked for again, with growing pauses or the one that the server asks for, then from the next
server: lost connections, timeouts, the status codes in `faults`, and replies that `reply` does not take. The key
is read from an environment variable, LMSI_API_KEY for engines, and from nowhere else.
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

PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds: the first, doubled each time, as the openai client does
LONGEST_WAIT = 60.0  # seconds, however long a server asks to wait
Given = TypeVar("Given")


class Fleet:
    """The servers of `engine.server` or of `voting.reader`, safe to be used by many threads."""

    def __init__(self, params: EndpointParams, revive: Callable[[], bool] = lambda: False) -> None:
        """revive is called after every failure that may pass; it tells whether a server was gone, and is back."""
        self.params, self.revive = params, revive
        self.servers = [Server(url, params) for url in params.urls]
        self.closed = threading.Event()

    def complete(
        self, turn: int, prompt: str | list[int], needed: Set[str] = frozenset(), **fields: Any
    ) -> Reply:
        """The reply to one request; turn says whose it is first, so that the fleet shares the work.

        needed: `usage` or `logprobs`, if a reply without them is to be asked for again.
        """
        return self.post(turn, {"prompt": prompt, **fields}, needed)

    def chat(self, turn: int, message: str, **fields: Any) -> Reply:
        """The reply to one message of a user."""
        messages = [{"role": "user", "content": message}]
        return self.post(turn, {"messages": messages, **fields}, frozenset())

    def post(self, turn: int, asked: Mapping[str, Any], needed: Set[str]) -> Reply:
        failures, status = dict[str, str](), None
        for server, retries in self.in_turn(turn):
            try:
                return self.repeated(partial(self.asked, server, asked, needed), retries)
            except PassingError as error:
                failures[server.url], status = f"{error}{because(error)}", error.status
        failed = ServerError(
            f"no server answers as it should after {self.params.retries} retries: {'; '.join(failures.values())}. "
            "Chunks that are done stay: run again when the servers are well"
        )
        failed.status = status
        raise failed

    def asked(self, server: "Server", fields: Mapping[str, Any], needed: Set[str]) -> Reply:
        try:
            return server.complete(fields, needed)
        except PassingError:
            if self.revive():  # so that a run without retries goes on, too
                return server.complete(fields, needed)
            raise

    def in_turn(self, turn: int) -> "Iterator[tuple[Server, int]]":
        """Every server once without retries, so that none waits for a dead one, then with them."""
        first = turn % len(self.servers)
        order = [*self.servers[first:], *self.servers[:first]]
        if len(order) > 1:
            yield from ((server, 0) for server in order)
        yield from ((server, self.params.retries) for server in order)

    def repeated(self, ask: Callable[[], Given], retries: int) -> Given:
        """What a server gives, asked again while that may help."""
        pause = PAUSE
        for _ in range(retries):
            try:
                return ask()
            except PassingError as error:
                # Not all threads at once.
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
                names[server.url] = self.repeated(server.names, self.params.retries)
            except ServerError as error:
                url, key = self.params.advice.url, self.params.advice.key
                raise ServerError(
                    f"{url}: {error} Start that server, or correct its url or {key}{because(error)}"
                ) from error
        return names

    def close(self) -> None:
        """Nobody waits any longer to ask again."""
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
                "servers are asked through the package openai: pip install 'lmsi-kedro[server]'"
            ) from error
        self.model, self.timeout, self.advice = params.model, params.timeout_seconds, params.advice
        self.client = OpenAI(
            base_url=url, api_key=key(self.advice.key), max_retries=0, timeout=self.timeout
        )
        self.url = str(self.client.base_url)

    def complete(self, asked: Mapping[str, Any], needed: Set[str]) -> Reply:
        chat, create = "messages" in asked, self.client.completions.with_streaming_response.create
        call: Callable[..., Any] = partial(create, prompt="")
        if chat:
            create_chat = self.client.chat.completions.with_streaming_response.create
            call = partial(create_chat, messages=[])
        # In extra_body, for the client knows only OpenAI's own fields.
        body = self.answer(partial(call, model=self.model, extra_body=asked))
        return Reader(self.url, needed, asked.get("n", 1), self.advice, chat).reply(*body)

    def names(self) -> list[str]:
        """The models that it lists."""
        body = self.answer(self.client.models.with_streaming_response.list)
        data = Reader(self.url, advice=self.advice).data(*body)
        listed = data.get("data") or []  # Ollama has null for none
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
            said = error.response.text
            raise fault(self.url, error.status_code, said, wait, self.advice) from None
        except openai.APITimeoutError as error:
            raise self.too_slow(error) from None
        except openai.APIConnectionError as error:
            raise PassingError(f"{self.url} {error}") from error.__cause__

    def body(self, response: Any, end: float) -> bytes:
        """All of it; the client's own time limit is one for each part."""
        parts = []
        try:
            for part in response.iter_bytes():
                parts.append(part)
                if time.monotonic() > end:
                    raise TimeoutError
        except TimeoutError as error:
            raise self.too_slow(error) from None
        except (
            Exception
        ) as error:  # of the HTTP library, which is not the same in all versions of openai
            raise PassingError(f"{self.url} broke off its answer: {error}") from None
        return b"".join(parts)

    def too_slow(self, error: Exception) -> PassingError:
        return PassingError(
            f"{self.url} {type(error).__name__}: no answer within timeout_seconds={self.timeout:g}"
        )


def key(name: str) -> str:
    """The bearer token in this environment variable; most servers want none."""
    given = os.environ.get(name, "").strip()
    if not given.isascii() or not given.isprintable():
        raise ServerError(
            f"the environment variable {name} has characters that no HTTP header takes"
        )
    return given or "none"


def seconds(given: str | None) -> float | None:
    """A Retry-After in seconds; None for a date."""
    return float(given) if given and given.isdecimal() else None


def because(error: ServerError) -> str:
    """What the openai client leaves out of a lost connection: no such host, connection refused, ..."""
    return f" ({error.__cause__})" if error.__cause__ else ""
