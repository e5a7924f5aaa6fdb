"""Errors of requests to servers, which are permanent, permanent for one request only, or transient."""

import os
import re

from lmsi_kedro.params import ReaderParams, ServerParams
from lmsi_kedro.params.servers import Advice

KEYS = ServerParams.advice.key, ReaderParams.advice.key
TRANSIENT = (408, 409, 424, 425, 429)  # and 5xx; 424 is TGI's "request failed during generation"
REFUSED = (400, 413, 422)
LONGEST = 200  # maximum characters of a response that an error quotes


class ServerError(RuntimeError):
    """A request failed; the message names the url and what to do.

    API keys that a response repeats are removed. status: the HTTP status of the last response, if there was one.
    """

    status: int | None = None

    def __init__(self, message: str) -> None:
        for key in filter(None, (os.environ.get(name, "").strip() for name in KEYS)):
            message = message.replace(key, "***")
        super().__init__(message)


class RefusedError(ServerError):
    """A server rejects this request (400, 413, 422), so that a retry would not help."""


class PassingError(ServerError):
    """An error after which a retry may help; after: the seconds to wait, if the server requests a pause."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


def fault(
    url: str,
    status: int | None,
    body: str,
    after: float | None = None,
    advice: Advice = ServerParams.advice,
) -> ServerError:
    """The error for a status code; status is None if the response has neither choices nor a status code."""
    message = f"{url} answers {status or 'without choices'}: {brief(body)}"
    error: ServerError
    if status is None or status in TRANSIENT or status >= 500:
        error = PassingError(message, after)
    elif status in REFUSED:
        error = RefusedError(message)
    else:
        error = ServerError(
            f"{message}. Look at {advice.url}, {advice.model} and the environment variable {advice.key}"
        )
    error.status = status
    return error


def brief(body: str) -> str:
    """A response in one short line; for an HTML page, its title."""
    line = " ".join(body.split())
    if is_html(line):
        title = re.search("<title[^>]*>(.*?)</title", line, re.IGNORECASE)
        return f"an HTML page {title[1].strip()[:LONGEST]!r}" if title else "an HTML page"
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def is_html(body: str) -> bool:
    return body.lstrip("\ufeff \r\n\t")[:9].lower().startswith(("<!doctype", "<html", "<head"))
