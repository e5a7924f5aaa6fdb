"""What a worker does, in a process of this machine or of a cluster: it loads the model once and samples chunks."""

import os
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.params import EngineParams

_engine: Any = None
_loaded: tuple[str, EngineParams] | None = None


def sample(model: str, engine: EngineParams, chunk: Chunk) -> pl.DataFrame:
    """In a worker: the chunk's paths."""
    return chunk.table(loaded(model, engine))


def loaded(model: str, engine: EngineParams) -> Any:
    """The engine of this process, on one thread unless it has a GPU."""
    global _engine, _loaded
    if _loaded != (model, engine):
        # Every length is a shape of its own to oneDNN; its cache of 1,024 took 240 MB of 1,130, as fast as 64.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
        import torch

        torch.set_num_threads(1)
        from lmsi_kedro.engines.local import LocalEngine

        dtype = getattr(torch, engine.number_format)
        assert engine.rows is not None, "a plan gives its workers a number of rows"
        _engine = LocalEngine(
            Path(model), dtype, engine.conversation, engine.trust_remote_code, engine.rows
        )
        _loaded = (model, engine)
    return _engine
