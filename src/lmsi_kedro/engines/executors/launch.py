"""Starts servers for the model of a plan, computes the chunks of the plan on them, and stops them afterwards."""

import logging
import os
import secrets
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed
from lmsi_kedro.engines.executors.servers import Servers
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.engines.server.launched import PORT_RETRIES, Launched, PortTakenError
from lmsi_kedro.engines.server.served_model import gguf_model, sampling_model
from lmsi_kedro.gguf.model import refuse_others
from lmsi_kedro.hardware import visible_gpus
from lmsi_kedro.params import EngineParams, LaunchParams, RequestParams
from lmsi_kedro.params.servers import LaunchedParams
from lmsi_kedro.parent import GRACE

log = logging.getLogger(__name__)
PROMPTS = 64  # number of prompts that are used to choose llama.cpp's split expression
SETTLING = (
    0.5  # seconds to wait after a lost connection; an ending server closes its port in this time
)


class Launch:
    """Runs `engine.workers` servers, which share the GPUs; each server is restarted at most once."""

    def __init__(self, model: Path, digest: str, engine: EngineParams) -> None:
        assert engine.launch is not None
        self.model, self.digest, self.engine, self.launch = model, digest, engine, engine.launch
        self.lock, self.closed = threading.Lock(), threading.Event()
        self.running: list[Launched] = []
        self.servers: Servers | None = None
        self.gguf: Path | None = None

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks; ServerError if a server does not start, or ends again after its restart."""
        if self.servers is None:
            bypass_proxy()
            prompts = [request.prompt for chunk in chunks.values() for request in chunk.requests]
            self.running = list(self.launched(prompts[:PROMPTS]))
            # llama.cpp may split a text differently from the tokenizer, so prompts are sent as token ids.
            ids = "{gguf}" in self.launch.command
            self.servers = Servers(self.model, self.digest, self.started(), self.revive, ids)
        yield from self.servers.compute(chunks, missing)

    def launched(self, prompts: Sequence[str]) -> Iterator[Launched]:
        """Yields the servers without starting them."""
        folder = Path(self.launch.folder).absolute() / self.digest[:12]
        folder.mkdir(parents=True, exist_ok=True)
        gpus = shares(visible_gpus(), self.engine.workers)
        places = {
            **self.served(folder, prompts),
            "name": f"{self.digest[:12]}-{secrets.token_hex(4)}",
            "gpus": str(max(1, len(gpus[0]))),
            "dtype": self.engine.number_format,
        }
        for number, own in enumerate(gpus):
            yield Launched(
                self.launch.command,
                places,
                environment(own, self.engine.workers),
                folder / f"server-{number}.log",
                self.closed,
            )

    def served(self, folder: Path, prompts: Sequence[str]) -> dict[str, str]:
        """Return the values of the placeholders {model} and {gguf}; write a GGUF file if the command needs one."""
        model = self.model.absolute()
        if self.launch.server == "transformers":
            model = sampling_model(model, folder / "model")
        if "{gguf}" not in self.launch.command:
            return {"model": str(model)}
        self.gguf = gguf_model(model, folder, prompts)
        return {"model": str(model), "gguf": str(self.gguf)}

    def started(self) -> EngineParams:
        """Starts the servers, waits until all of them answer, and returns engine parameters with their URLs."""
        log.info("Starting %d x %s for %s", len(self.running), self.running[0].command, self.model)
        for server in self.running:
            server.start()
        for server in self.running:
            self.await_answer(server)
        return self.engine.model_copy(update={"server": self.as_server()})

    def as_server(self) -> LaunchedParams:
        """Describe the started servers with the parameters of `engine.server`."""
        first = self.running[0]
        request = {name: getattr(self.launch, name) for name in RequestParams.model_fields}
        return LaunchedParams(
            urls=[server.url for server in self.running],
            model=first.places["name" if "{name}" in first.command else "model"],
            revision=f"sha256:{self.digest}",
            **request,
        )

    def await_answer(self, server: Launched) -> None:
        """Waits until the server answers; moves it to another port if another program has taken its port."""
        for _ in range(PORT_RETRIES):
            try:
                return server.await_answer(self.launch.start_seconds, self.as_server())
            except PortTakenError as error:
                log.warning("%s; trying the next port", error)
                server.move()
        return server.await_answer(self.launch.start_seconds, self.as_server())

    def revive(self) -> bool:
        """Restarts every server that has ended, and waits until it answers.

        Returns whether any server had ended or accepted no connections. Raises ServerError if a server ended
        although it had been restarted once.
        """
        gone = self.settle()
        with self.lock:
            for server in self.running:
                if self.closed.is_set() or not server.has_ended:
                    continue
                if server.revived:
                    raise ServerError(
                        f"{server.named} ended again after its restart: {server.last_words()}"
                    )
                log.warning(
                    "%s ended and is being restarted: %s", server.named, server.last_words()
                )
                server.revived = True
                server.spawn()
                server.await_answer(self.launch.start_seconds, self.as_server())
        return bool(gone)

    def settle(self) -> list[Launched]:
        """Waits until servers that accept no connections end or recover; returns them and those that had ended."""
        self.closed.wait(SETTLING)
        end = time.monotonic() + 2 * GRACE
        gone = [server for server in self.running if server.has_ended or not server.listens]
        while any(not (server.has_ended or server.listens) for server in gone):
            if time.monotonic() > end or self.closed.wait(0.1):
                break
        return gone

    def close(self) -> None:
        self.closed.set()
        if self.servers is not None:
            self.servers.close()
        with self.lock:
            for server in self.running:
                server.terminate()
            for server in self.running:
                server.wait()
        if self.gguf is not None:
            self.gguf.unlink(missing_ok=True)


def shares(gpus: Sequence[str], servers: int) -> list[Sequence[str]]:
    """Returns the GPUs of each server, the same number each; ValueError if there are fewer GPUs than servers."""
    if gpus and len(gpus) < servers:
        raise ValueError(
            f"engine.workers={servers} needs {servers} GPUs, one per server, but only {len(gpus)} are available "
            "here: lower engine.workers"
        )
    size = len(gpus) // servers
    return [gpus[i * size : (i + 1) * size] for i in range(servers)]


def environment(gpus: Sequence[str], servers: int) -> dict[str, str]:
    """Returns environment variables of a server: GPUs, threads, and a PATH with the programs of this Python."""
    cores = len(os.sched_getaffinity(0))
    return {
        "PATH": search_path(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // servers)),
        "SGLANG_RETURN_ORIGINAL_LOGPROB": "1",  # log-probabilities at temperature 1, as from other servers
        **({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}),
    }


def bypass_proxy() -> None:
    """Makes this process connect to servers on its own machine without a proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, ["127.0.0.1", os.environ.get(name)]))


def search_path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def check_launch(engine: EngineParams) -> None:
    """Raises ValueError if a program, package or GPU that the servers need is missing."""
    assert engine.launch is not None
    named = f"engine.launch.server={engine.launch.server}"
    gpus = visible_gpus()
    shares(gpus, engine.workers)
    if left := len(gpus) % engine.workers:
        log.warning(
            "engine.workers=%d leaves %d of %d GPUs idle: set it to a divisor of %d; if a server has several "
            "GPUs, it splits the model over them",
            engine.workers,
            left,
            len(gpus),
            len(gpus),
        )
    program = shlex.split(engine.launch.command)[0]
    if shutil.which(program, path=search_path()) is None:
        raise ValueError(
            f"{named}: the program {program} is not installed; install it, or choose another server"
        )
    for package, extra in packages(engine.launch).items():
        if find_spec(package) is None:
            raise ValueError(
                f"{named} needs the package {package}: pip install 'lmsi-kedro[{extra}]'"
            )


def packages(launch: LaunchParams) -> dict[str, str]:
    """Returns the packages needed for requests and, with {gguf}, for GGUF files; the values are their extras."""
    return {"openai": "server"} | ({"gguf": "gguf"} if "{gguf}" in launch.command else {})


def check_model(model: Path, engine: EngineParams) -> None:
    """Raises ValueError if the servers need a GGUF file and the model cannot be converted to one."""
    assert engine.launch is not None
    if "{gguf}" in engine.launch.command:
        refuse_others(model)
