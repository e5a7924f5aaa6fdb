"""A sampling run in a separate process that tests kill: python -m tests.engines.sampling_run MODEL STORE."""

import sys
from pathlib import Path

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Sampling
from tests.stores import fill

PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {i}?\nA:" for i in range(192)}
WORKERS = 1  # starting workers takes most of the time


def plan(model: Path) -> Plan:
    """Plan 96 chunks of 8 paths, 4 of which are decoded at a time."""
    engine = EngineParams(
        executor="processes", ray_address=None, workers=WORKERS, dtype="float32", paths_per_chunk=8, rows=4,
        chat="auto", trust_remote_code=False, skip_too_long=False,
    )  # fmt: skip
    made = Plan(model, "d", engine)
    made.add(PROMPTS, range(4), Sampling(temperature=1.0, max_new_tokens=48, seed=3), {})
    return made


if __name__ == "__main__":
    fill(ChunkStore(filepath=sys.argv[2]), plan(Path(sys.argv[1])))
