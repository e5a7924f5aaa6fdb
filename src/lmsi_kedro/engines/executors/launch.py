"""Runs the chunks of a plan against servers that it starts for the plan's model, and ends after it."""

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
PROMPTS = 64  # by which llama.cpp's split expression is chosen
SETTLING = 0.5  # seconds after a connection is lost, in which a process that ends closes its port


class Launch:
    """`engine.executor=launch`: engine.workers servers, which share the GPUs; each is restarted at most once."""

    def __init__(self, model: Path, digest: str, engine: EngineParams) -> None:
        assert engine.launch is not None
        self.model, self.digest, self.engine, self.launch = model, digest, engine, engine.launch
        self.lock, self.closed = threading.Lock(), threading.Event()
        self.running: list[Launched] = []
        self.servers: Servers | None = None
        self.gguf: Path | None = None

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """ServerError names a server that does not start, or has ended twice, with what it printed last."""
        if self.servers is None:
            ask_without_proxy()
            prompts = [request.prompt for name in missing for request in chunks[name].requests]
            self.running = list(self.launched(prompts[:PROMPTS]))
            # A GGUF file may split texts in another way than the tokenizer.
            ids = "{gguf}" in self.launch.command
            self.servers = Servers(self.model, self.digest, self.started(), self.revive, ids)
        yield from self.servers.compute(chunks, missing)

    def launched(self, prompts: Sequence[str]) -> Iterator[Launched]:
        """The servers, not started yet."""
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
        """Where the model lies, as the server wants it."""
        model = self.model.absolute()
        if self.launch.server == "transformers":
            model = sampling_model(model, folder / "model")
        if "{gguf}" not in self.launch.command:
            return {"model": str(model)}
        self.gguf = gguf_model(model, folder, prompts)
        return {"model": str(model), "gguf": str(self.gguf)}

    def started(self) -> EngineParams:
        """The engine with the urls of the servers, once all of them answer."""
        log.info("Starting %d x %s for %s", len(self.running), self.running[0].command, self.model)
        for server in self.running:
            server.start()
        for server in self.running:
            self.await_answer(server)
        return self.engine.model_copy(update={"server": self.as_server()})

    def as_server(self) -> LaunchedParams:
        """What was started, as `engine.server` would say it."""
        first = self.running[0]
        asked = {name: getattr(self.launch, name) for name in RequestParams.model_fields}
        return LaunchedParams(
            urls=[server.url for server in self.running],
            model=first.places["name" if "{name}" in first.command else "model"],
            revision=f"sha256:{self.digest}",
            **asked,
        )

    def await_answer(self, server: Launched) -> None:
        """Until it answers; at other ports if another program takes its port first."""
        for _ in range(PORT_RETRIES):
            try:
                return server.await_answer(self.launch.start_seconds, self.as_server())
            except PortTakenError as error:
                log.warning("%s; the next port is tried", error)
                server.move()
        return server.await_answer(self.launch.start_seconds, self.as_server())

    def revive(self) -> bool:
        """Starts every server again that has ended, and waits for it; whether one was gone.

        ServerError if it has ended before.
        """
        gone = self.settle()
        with self.lock:
            for server in self.running:
                if self.closed.is_set() or not server.has_ended:
                    continue
                if server.revived:
                    raise ServerError(f"{server.named} ended twice: {server.last_words()}")
                log.warning("%s ended and is started again: %s", server.named, server.last_words())
                server.revived = True
                server.spawn()
                server.await_answer(self.launch.start_seconds, self.as_server())
        return bool(gone)

    def settle(self) -> list[Launched]:
        """The servers that are gone, once they are seen to have ended: their watchers first clean up."""
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
    """Of each server as many GPUs as of the others; ValueError when there are fewer GPUs than servers."""
    if gpus and len(gpus) < servers:
        raise ValueError(
            f"engine.workers={servers} servers need as many GPUs, and {len(gpus)} can be used here: lower it"
        )
    size = len(gpus) // servers
    return [gpus[i * size : (i + 1) * size] for i in range(servers)]


def environment(gpus: Sequence[str], servers: int) -> dict[str, str]:
    """Of a server: its GPUs, its share of the cores, and the programs beside this Python."""
    cores = len(os.sched_getaffinity(0))
    return {
        "PATH": search_path(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // servers)),
        "SGLANG_RETURN_ORIGINAL_LOGPROB": "1",  # before the temperature, as all others give them
        **({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}),
    }


def ask_without_proxy() -> None:
    """From now on, this process asks its own machine directly."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, ["127.0.0.1", os.environ.get(name)]))


def search_path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def check_launch(engine: EngineParams) -> None:
    """ValueError when the servers could not be started or asked: a program, package or GPU is missing."""
    assert engine.launch is not None
    named = f"engine.launch.server={engine.launch.server}"
    gpus = visible_gpus()
    shares(gpus, engine.workers)
    if left := len(gpus) % engine.workers:
        log.warning(
            "engine.workers=%d servers leave %d of %d GPUs idle: set a number that divides them; a server splits "
            "the model over its GPUs",
            engine.workers,
            left,
            len(gpus),
        )
    program = shlex.split(engine.launch.command)[0]
    if shutil.which(program, path=search_path()) is None:
        raise ValueError(
            f"{named}: there is no program {program} here; install it, or name another server"
        )
    for package, extra in packages(engine.launch).items():
        if find_spec(package) is None:
            raise ValueError(
                f"{named} needs the package {package}: pip install 'lmsi-kedro[{extra}]'"
            )


def packages(launch: LaunchParams) -> dict[str, str]:
    """What this Python needs, with the extra that has it: to ask servers, and to write a GGUF file."""
    return {"openai": "server"} | ({"gguf": "gguf"} if "{gguf}" in launch.command else {})


def check_model(model: Path, engine: EngineParams) -> None:
    """ValueError when the servers need a GGUF file, and none is written of such a model."""
    assert engine.launch is not None
    if "{gguf}" in engine.launch.command:
        refuse_others(model)
