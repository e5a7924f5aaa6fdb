"""A server that this process starts, watches and ends. Knows nothing of what it is asked.

It runs under `lmsi_kedro.parent`, so that it ends with this process, however that ends. What it prints is kept in
a log. Once it has answered, it is started again at the same port when it ends, but not twice.
"""

import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from lmsi_kedro.durable import HELD
from lmsi_kedro.engines.server.faults import LONGEST, ServerError
from lmsi_kedro.engines.server.fleet import Server
from lmsi_kedro.params import ServerParams
from lmsi_kedro.parent import GRACE

PORTS = 20_000, 32_000  # below those that systems give to whoever asks for any
PORT_RETRIES = 5
PROBE_SECONDS = 5.0
STARTING = None, 502, 503, 504  # llama.cpp listens while it loads the model
REFUSED = 401, 403
READ = 2**16  # bytes at the end of a log
TAKEN = re.compile("EADDRINUSE|address already in use", re.IGNORECASE)


class PortTakenError(ServerError):
    """Another program has the port of a launched server."""


class Launched:
    """One server; `closed` is set when it is no longer wanted, and ends all waiting."""

    def __init__(
        self,
        command: str,
        places: Mapping[str, str],
        environment: Mapping[str, str],
        log: Path,
        closed: threading.Event,
    ) -> None:
        """command has the place {port} left; the other places of it are given."""
        self.command, self.places, self.environment = command, places, dict(environment)
        self.log, self.closed = log, closed
        self.port = random.SystemRandom().randrange(*PORTS)
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0  # where in the log its last start begins
        self.revived = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Starts it, without waiting for it, at its port or the next that is free."""
        while not is_free(self.port):
            self.port += 1
        self.spawn()

    def move(self) -> None:
        """Ends it and starts it at the next port that is free."""
        self.terminate()
        self.wait()
        self.port += 1
        self.start()

    def spawn(self) -> None:
        places = {**self.places, "port": str(self.port)}
        words = [filled(word, places) for word in shlex.split(self.command)]
        watched = [sys.executable, "-m", "lmsi_kedro.parent", str(os.getpid()), *words]
        with self.log.open("ab") as output:
            # What was printed before may not end in a line break.
            output.write(f"\n$ {shlex.join(words)}\n".encode())
            output.flush()
            self.begun = output.tell()
            self.process = subprocess.Popen(
                watched,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # Ctrl-C is for the run, which then ends its servers
                pass_fds=HELD,  # so that no other run begins while one of them lives
            )

    def await_answer(self, seconds: float, params: ServerParams) -> None:
        """Waits until it lists its models; ServerError if it ends before, refuses, or takes longer than this."""
        probe = Server(self.url, params.model_copy(update={"timeout_seconds": PROBE_SECONDS}))
        end = time.monotonic() + seconds
        while True:
            if self.has_ended:
                taken = TAKEN.search(self.printed())
                kind = PortTakenError if taken else ServerError
                raise kind(f"{self.named} ended before it answered: {self.last_words()}")
            if (names := self.listed(probe)) is not None:
                return self.check_name(names)
            if time.monotonic() > end:
                raise ServerError(
                    f"{self.named} does not answer within engine.launch.start_seconds={seconds:g}: "
                    f"{self.last_words()}"
                )
            if self.closed.wait(0.3):
                raise ServerError(f"{self.named} is no longer wanted")

    def listed(self, probe: Server) -> list[str] | None:
        """The models that it lists, None while it starts; ServerError has what it says instead.

        Without network `transformers serve` answers 500 here: only a server with a given name must list it.
        """
        try:
            return probe.names()
        except ServerError as error:
            if error.status in STARTING:
                return None
            if error.status in REFUSED or "{name}" in self.command:
                raise
            return []

    def check_name(self, names: list[str]) -> None:
        """PortTakenError when what answers there is not this server, which alone has this name."""
        if "{name}" in self.command and self.places["name"] not in names:
            served = ", ".join(names) or "no model"
            raise PortTakenError(f"{self.url} is another server's: it serves {served}")

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def listens(self) -> bool:
        """Whether its port takes connections, or is too busy to."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PROBE_SECONDS).close()
        except OSError as error:
            return not isinstance(error, ConnectionRefusedError)
        return True

    @property
    def named(self) -> str:
        return f"the launched server at {self.url}, whose log is {self.log},"

    def printed(self) -> str:
        """What it printed since it was last started, or the end of that."""
        with self.log.open("rb") as printed:
            end = printed.seek(0, os.SEEK_END)
            printed.seek(max(self.begun, end - READ))
            return printed.read().decode(errors="replace")

    def last_words(self) -> str:
        lines = [line.strip() for line in self.printed().splitlines() if line.strip()]
        return lines[-1][:LONGEST] if lines else "it printed nothing"

    def terminate(self) -> None:
        """Begins to end it and all that it started; `wait` for that."""
        if self.process is not None:
            self.process.terminate()

    def wait(self) -> None:
        if self.process is not None:
            try:
                self.process.wait(2 * GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def filled(word: str, places: Mapping[str, str]) -> str:
    """A word of a command; other braces stay, such as those of JSON."""
    return re.sub(r"\{(\w+)\}", lambda place: places.get(place[1], place[0]), word)


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
