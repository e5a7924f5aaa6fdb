"""A stand-in for `worker.sample` whose chunks wait, or kill their worker as a system without memory does."""

import os
import signal
import time
from pathlib import Path

import polars as pl

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.params import EngineParams


def sample(folder: str, engine: EngineParams, chunk: Chunk) -> pl.DataFrame:
    """Does what the first question says; a worker that sleeps first makes the file `asleep` in the folder."""
    match chunk.requests[0].question_id:
        case "sleeps":
            (Path(folder) / "asleep").touch()
            time.sleep(600)
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        case "dies beside a sleeper":
            while not (Path(folder) / "asleep").exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
    return pl.DataFrame({"pid": [os.getpid()]})
