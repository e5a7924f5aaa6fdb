"""Fills a store as a Kedro runner does: every chunk is saved before the next one is sampled."""

from datetime import date
from typing import Any

from lmsi_kedro.datasets.chunk_store import ChunkStore, StoredChunks
from lmsi_kedro.engines.sample import sample_paths

DAY = date(2026, 11, 28)


def fill(store: ChunkStore, plan: Any) -> None:
    """Sample the chunks of a plan that the store lacks, and save them."""
    stored = StoredChunks(filepath=store._describe()["filepath"]).load()
    for chunk in sample_paths(plan, stored, DAY):
        store.save(chunk)
