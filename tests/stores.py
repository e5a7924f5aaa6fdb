"""What a runner does with the node that samples: every chunk is saved before the next one is asked for."""

from typing import Any

from lmsi_kedro.datasets.chunk_store import ChunkStore, StoredChunks
from lmsi_kedro.engines.sample import sample


def fill(store: ChunkStore, plan: Any) -> None:
    """Sample what a plan lacks in the folder of a store."""
    stored = StoredChunks(filepath=store._describe()["filepath"]).load()
    for chunk in sample(plan, stored):
        store.save(chunk)
