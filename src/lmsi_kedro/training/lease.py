"""A lease: a file that a run renews, so that its trainers on other machines end when the run has ended.

A killed run cannot end the processes that ssh started on other machines. They end by themselves when the file has
not changed for LEASE_SECONDS by their own clock, belongs to another run, or is gone.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from lmsi_kedro import durable

LEASE_SECONDS = 20.0  # a shared file system may be unavailable for this long
BEAT_SECONDS = 2.0
log = logging.getLogger(__name__)


@contextmanager
def granted(path: Path) -> Iterator[str]:
    """Renews a lease and yields its token; first waits until all trainers of a killed run have ended."""
    if path.exists():
        log.info("Waiting %.0f s for the trainers of a killed run to end", LEASE_SECONDS)
        path.unlink()
        time.sleep(LEASE_SECONDS)
    token, over = uuid4().hex, threading.Event()
    durable.write(path, token.encode())
    renewal = threading.Thread(target=_renew, args=(path, token, over), daemon=True)
    renewal.start()
    try:
        yield token
    except BaseException:
        _end(path, renewal, over)
        time.sleep(2 * BEAT_SECONDS)
        raise
    _end(path, renewal, over)


def _end(path: Path, renewal: threading.Thread, over: threading.Event) -> None:
    over.set()
    renewal.join()
    path.unlink(missing_ok=True)


def _renew(path: Path, token: str, over: threading.Event) -> None:
    beat = 0
    while not over.wait(BEAT_SECONDS):
        beat += 1
        with suppress(OSError):  # a full disk may have free space again before the lease expires
            durable.write(path, f"{token} {beat}".encode())


def end_without(path: Path, token: str) -> None:
    """Starts a thread that ends this process when the lease with this token expires."""
    threading.Thread(target=_follow, args=(path, token), daemon=True).start()


def _follow(path: Path, token: str) -> None:
    seen, since = "", time.monotonic()
    while time.monotonic() - since < LEASE_SECONDS:
        with suppress(OSError):
            content = path.read_text() if path.exists() else ""
            if not content.startswith(token):
                break
            if content != seen:
                seen, since = content, time.monotonic()
        time.sleep(BEAT_SECONDS)
    print("The run that started this training has ended.", file=sys.stderr, flush=True)
    os._exit(1)
