"""Computes the chunks of a plan on servers; there are no worker processes, only threads that wait for answers."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed, finished, in_turn
from lmsi_kedro.engines.server.engine import ServerEngine
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.params import EngineParams


class Servers:
    """`engine.executor=server`: uses servers whose model has a digest that begins with engine.server.revision."""

    def __init__(
        self,
        model: Path,
        digest: str,
        engine: EngineParams,
        revive: Callable[[], bool] = lambda: False,
        ids: bool = False,
    ) -> None:
        """revive, ids: see `ServerEngine`."""
        assert engine.server is not None
        self.model, self.digest, self.engine, self.server = model, digest, engine, engine.server
        self.revive, self.ids = revive, ids
        self.sampler: ServerEngine | None = None

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks; ServerError names the server, question or parameter that is at fault."""
        first = chunks[missing[0]]
        engine = self.connected(first)
        # Enough chunks to keep the allowed number of requests in flight, plus one.
        width = 1 + -(-self.server.concurrency // len(first.requests))
        pool = ThreadPoolExecutor(width)
        try:
            yield from finished(
                lambda _, name: pool.submit(chunks[name].table, engine), in_turn(missing), width
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def connected(self, chunk: Chunk) -> ServerEngine:
        """The engine, after a check that the servers have the right model and the required features."""
        digest = f"sha256:{self.digest}"
        if not digest.startswith(self.server.revision):
            raise ServerError(
                f"engine.server.revision is {self.server.revision}, but this run now samples {self.model}, whose "
                f"digest is {digest[:19]}: serve that model under the same name, set engine.server.revision to "
                "this digest and run again to continue from here"
            )
        if self.sampler is None:
            self.sampler = ServerEngine(self.model, self.engine, self.revive, self.ids)
            self.sampler.negotiate(chunk.requests[0], chunk.sampling)
        return self.sampler

    def close(self) -> None:
        if self.sampler is not None:
            self.sampler.close()
            self.sampler = None
