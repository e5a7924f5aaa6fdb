"""Computes chunks as tasks of a Ray cluster."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.executors.executor import Computed, finished, in_turn
from lmsi_kedro.engines.executors.worker import sample
from lmsi_kedro.params import EngineParams


class RayTasks:
    """`engine.executor=ray`: computes `engine.workers` chunks at a time.

    If a node is lost, other nodes compute its chunks. The model directory must have the same path on every node.
    """

    def __init__(self, model: Path, engine: EngineParams) -> None:
        self.model, self.engine = model, engine

    def compute(self, chunks: dict[str, Chunk], missing: Sequence[str]) -> Computed:
        ray: Any = import_module("ray")
        if not ray.is_initialized():
            ray.init(address=self.engine.ray_address, log_to_driver=False)
        resources = {"num_cpus": 1, "num_gpus": 1 if ray.cluster_resources().get("GPU") else 0}
        remote = ray.remote(sample).options(max_retries=-1, **resources)
        return finished(
            lambda _, name: remote.remote(str(self.model), self.engine, chunks[name]).future(),
            in_turn(missing),
            self.engine.workers,
        )

    def close(self) -> None:
        """Does not stop the cluster, because others may use it, too."""
