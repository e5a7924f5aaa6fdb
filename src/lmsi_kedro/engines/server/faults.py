"""Why a request to a server failed: for good, as it is, or for a reason that may pass."""

import os
import re

from lmsi_kedro.params import ReaderParams, ServerParams
from lmsi_kedro.params.servers import Advice

KEYS = ServerParams.advice.key, ReaderParams.advice.key
MAY_PASS = (408, 409, 424, 425, 429)  # and 5xx; 424 is TGI's "request failed during generation"
REFUSED = (400, 413, 422)
LONGEST = 200  # characters of what a server said that an error repeats


class ServerError(RuntimeError):
    """No server of the fleet gave what was asked for; the message names the url and what to do.

    Keys are left out where a server repeats them. status: the HTTP status that was answered last, if that was the
    reason.
    """

    status: int | None = None

    def __init__(self, message: str) -> None:
        for key in filter(None, (os.environ.get(name, "").strip() for name in KEYS)):
            message = message.replace(key, "***")
        super().__init__(message)


class RefusedError(ServerError):
    """A server does not take the request as it is (400, 413, 422): asking again would not help."""


class PassingError(ServerError):
    """Asking again may help; after that many seconds, where the server says so."""

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
    """The error of a status code; None for a body that has none, and no choices either."""
    said = f"{url} answers {status or 'without choices'}: {brief(body)}"
    error: ServerError
    if status is None or status in MAY_PASS or status >= 500:
        error = PassingError(said, after)
    elif status in REFUSED:
        error = RefusedError(said)
    else:
        error = ServerError(
            f"{said}. Look at {advice.url}, {advice.model} and the environment variable {advice.key}"
        )
    error.status = status
    return error


def brief(body: str) -> str:
    """A server's words in one short line; of an HTML page its title."""
    line = " ".join(body.split())
    if is_html(line):
        title = re.search("<title[^>]*>(.*?)</title", line, re.IGNORECASE)
        return f"an HTML page {title[1].strip()[:LONGEST]!r}" if title else "an HTML page"
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def is_html(body: str) -> bool:
    return body.lstrip("\ufeff \r\n\t")[:9].lower().startswith(("<!doctype", "<html", "<head"))
