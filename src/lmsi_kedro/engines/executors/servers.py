"""Computes the chunks of a plan on servers; there are no worker processes, only threads that wait for answers."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed, finished
from lmsi_kedro.engines.server.engine import ServerEngine
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.params import EngineParams


class Servers:
    """`engine.executor=server`: servers of the model whose digest begins with engine.server.revision."""

    def __init__(
        self,
        model: Path,
        digest: str,
        engine: EngineParams,
        revive: Callable[[], bool] = lambda: False,
        ids: bool = False,
    ) -> None:
        """revive and ids are those of `ServerEngine`."""
        assert engine.server is not None
        self.model, self.digest, self.engine, self.server = model, digest, engine, engine.server
        self.revive, self.ids = revive, ids
        self.asks: ServerEngine | None = None

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        """Yields the missing chunks; ServerError names the server, question or parameter that is at fault."""
        first = chunks[missing[0]]
        engine = self.connected(first)
        # Enough chunks to keep the allowed number of requests in flight, and one more.
        width = 1 + -(-self.server.concurrency // len(first.requests))
        pool = ThreadPoolExecutor(width)
        try:
            yield from finished(
                lambda name: pool.submit(chunks[name].table, engine), missing, width
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def connected(self, chunk: Chunk) -> ServerEngine:
        """The engine, after a check that the servers have the right model and the required features."""
        digest = f"sha256:{self.digest}"
        if not digest.startswith(self.server.revision):
            raise ServerError(
                f"engine.server.revision is {self.server.revision}, but paths of {self.model} are wanted, whose "
                f"digest is {digest[:19]}: serve that model under the same name, set engine.server.revision to it "
                "and run again, which goes on from here"
            )
        if self.asks is None:
            self.asks = ServerEngine(self.model, self.engine, self.revive, self.ids)
            self.asks.negotiate(chunk.requests[0], chunk.sampling)
        return self.asks

    def close(self) -> None:
        if self.asks is not None:
            self.asks.close()
            self.asks = None
