"""Asks a fleet of OpenAI-compatible servers for completions. Knows nothing of questions or paths.

The openai client repeats what failed for a reason that may pass (no connection, timeout, 408, 409, 429, 5xx), with
growing pauses or those that the server asks for. The key is read from the environment variable LMSI_API_KEY, and
from nowhere else.
"""

import os
from typing import Any

from lmsi_kedro.params import ServerParams

KEY = "LMSI_API_KEY"


class ServerError(RuntimeError):
    """No server of the fleet gave what was asked for; says what to do."""


class RefusedError(ServerError):
    """A server does not take the request as it is (400, 422): asking again would not help."""


class Fleet:
    """The servers of `engine.server`, safe to be used by many threads."""

    def __init__(self, params: ServerParams) -> None:
        try:
            from openai import OpenAI
        except ModuleNotFoundError as error:
            raise ServerError(
                "engine.executor=server needs the package openai: pip install 'lmsi-kedro[server]'"
            ) from error
        key = os.environ.get(KEY, "none")  # most servers want none
        self.params = params
        self.clients = [
            OpenAI(
                base_url=url,
                api_key=key,
                max_retries=params.retries,
                timeout=params.timeout_seconds,
            )
            for url in params.urls
        ]

    def complete(self, turn: int, prompt: str, **fields: Any) -> Any:
        """The response to one request; turn says whose it is first, so that the fleet shares the work."""
        import openai

        failures = []
        for client in self.in_turn(turn):
            try:
                return client.completions.create(model=self.params.model, prompt=prompt, **fields)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                raise RefusedError(f"{client.base_url} refuses a request: {error}") from error
            except (
                openai.APIConnectionError,
                openai.RateLimitError,
                openai.InternalServerError,
            ) as error:
                failures.append(f"{client.base_url} {type(error).__name__}: {error}")
            except openai.APIStatusError as error:
                raise ServerError(
                    f"{client.base_url} answers {error.status_code}: {error}. Look at engine.server.urls, "
                    f"engine.server.model and the environment variable {KEY}"
                ) from error
        raise ServerError(
            f"no server answers after {self.params.retries} retries: {'; '.join(failures)}. Chunks that are done "
            "stay: run again when the servers are back"
        )

    def in_turn(self, turn: int) -> list[Any]:
        """Every server once without delay, so that none waits for a dead one, then with retries."""
        first = turn % len(self.clients)
        order = [*self.clients[first:], *self.clients[:first]]
        quick = [client.with_options(max_retries=0) for client in order]
        return quick + order if len(order) > 1 else order

    def models(self) -> dict[str, list[str]]:
        """The names that every server lists; ServerError for one that cannot be reached."""
        import openai

        names = {}
        for client in self.clients:
            try:
                names[str(client.base_url)] = [model.id for model in client.models.list()]
            except openai.OpenAIError as error:
                raise ServerError(
                    f"engine.server.urls: {client.base_url} {error} Start that server, or correct its url or {KEY}"
                ) from error
        return names

    def close(self) -> None:
        for client in self.clients:
            client.close()
