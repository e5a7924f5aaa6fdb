"""The code of a worker process, on this machine or in a cluster: it loads the model once and samples chunks."""

import os
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.params import EngineParams

_engine: Any = None
_loaded: tuple[str, EngineParams] | None = None


def sample(model: str, engine: EngineParams, chunk: Chunk) -> pl.DataFrame:
    """The chunk's paths, computed in this worker."""
    return chunk.table(loaded(model, engine))


def loaded(model: str, engine: EngineParams) -> Any:
    """The engine of this process; on a CPU, it uses one thread."""
    global _engine, _loaded
    if _loaded != (model, engine):
        # oneDNN caches a kernel per sequence length. With the default of 1,024 kernels, the cache took 240 MB of a
        # worker's 1,130 MB; 64 kernels are as fast.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
        import torch

        torch.set_num_threads(1)
        from lmsi_kedro.engines.local import LocalEngine

        dtype = getattr(torch, engine.number_format)
        assert engine.rows is not None, "Plan.sized sets the batch size"
        _engine = LocalEngine(
            Path(model), dtype, engine.conversation, engine.trust_remote_code, engine.rows
        )
        _loaded = (model, engine)
    return _engine
