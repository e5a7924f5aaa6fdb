"""A server process that this process starts, monitors and ends.

The server runs under `lmsi_kedro.parent`, so it ends with this process even if this process is killed. Its output
goes to a log file. If it ends after its first answer, it is restarted once, on the same port.
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

PORTS = 20_000, 32_000  # below the ephemeral ports
PORT_RETRIES = 5
PROBE_SECONDS = 5.0
# The status of requests while a server starts: None before it listens; then llama.cpp answers with an error until
# it has loaded the model.
STARTING = None, 502, 503, 504
REFUSED = 401, 403
READ = 2**16  # bytes that are read at the end of a log
TAKEN = re.compile("EADDRINUSE|address already in use", re.IGNORECASE)


class PortTakenError(ServerError):
    """Another program already uses the port of a launched server."""


class Launched:
    """One launched server; setting `closed` interrupts all waiting for it."""

    def __init__(
        self,
        command: str,
        places: Mapping[str, str],
        environment: Mapping[str, str],
        log: Path,
        closed: threading.Event,
    ) -> None:
        """places: the values of all placeholders in the command except {port}."""
        self.command, self.places, self.environment = command, places, dict(environment)
        self.log, self.closed = log, closed
        self.port = random.SystemRandom().randrange(*PORTS)
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0  # offset in the log at which the output since the last start begins
        self.revived = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Starts the server on its port, or on the next free one, without waiting until it answers."""
        while not is_free(self.port):
            self.port += 1
        self.spawn()

    def move(self) -> None:
        """Ends the server and starts it again on the next free port."""
        self.terminate()
        self.wait()
        self.port += 1
        self.start()

    def spawn(self) -> None:
        places = {**self.places, "port": str(self.port)}
        words = [filled(word, places) for word in shlex.split(self.command)]
        watched = [sys.executable, "-m", "lmsi_kedro.parent", str(os.getpid()), *words]
        with self.log.open("ab") as output:
            # The output of the previous start may not end with a line break.
            output.write(f"\n$ {shlex.join(words)}\n".encode())
            output.flush()
            self.begun = output.tell()
            self.process = subprocess.Popen(
                watched,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # so that Ctrl-C reaches only the run, which then ends its servers
                pass_fds=HELD,  # so that no other run starts while this server is alive
            )

    def await_answer(self, seconds: float, params: ServerParams) -> None:
        """Waits until the server lists its models; ServerError if it ends, rejects requests or takes too long."""
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
                raise ServerError(f"{self.named} was closed before it answered")

    def listed(self, probe: Server) -> list[str] | None:
        """The models that the server lists; None while it starts.

        ServerError if it rejects the request, or answers with another error and the command has {name}. Without
        {name}, other errors are ignored, because `transformers serve` answers 500 here if there is no network.
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
        """Raises PortTakenError if another server answers at this port; only ours lists the name given to it."""
        if "{name}" in self.command and self.places["name"] not in names:
            served = ", ".join(names) or "no model"
            raise PortTakenError(f"{self.url} belongs to another server, which serves {served}")

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def listens(self) -> bool:
        """Whether the port accepts connections, or is too busy to answer."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PROBE_SECONDS).close()
        except OSError as error:
            return not isinstance(error, ConnectionRefusedError)
        return True

    @property
    def named(self) -> str:
        return f"the launched server at {self.url}, whose log is {self.log},"

    def printed(self) -> str:
        """The output since the last start, or its last READ bytes."""
        with self.log.open("rb") as printed:
            end = printed.seek(0, os.SEEK_END)
            printed.seek(max(self.begun, end - READ))
            return printed.read().decode(errors="replace")

    def last_words(self) -> str:
        lines = [line.strip() for line in self.printed().splitlines() if line.strip()]
        return lines[-1][:LONGEST] if lines else "it printed nothing"

    def terminate(self) -> None:
        """Tells the server and its child processes to end; `wait` returns when they have."""
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
    """A word of the command with its placeholders filled in; other braces, such as JSON's, are unchanged."""
    return re.sub(r"\{(\w+)\}", lambda place: places.get(place[1], place[0]), word)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # servers set this, too
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
