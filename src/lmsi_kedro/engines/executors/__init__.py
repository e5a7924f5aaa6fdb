"""Executors compute chunks in processes on this machine, on a Ray cluster, or on running or launched servers.

With processes and Ray, a chunk has the same bytes whichever worker computes it, and each worker loads the model
only once. `engines.server.engine` describes what servers guarantee.
"""

from pathlib import Path

from lmsi_kedro.engines.executors.executor import Executor
from lmsi_kedro.params import EngineParams

__all__ = ["Executor", "executor_of"]


def executor_of(model: Path, digest: str, engine: EngineParams) -> Executor:
    """The executor that `engine.executor` names, for the model with this digest."""
    if engine.executor == "processes":
        from lmsi_kedro.engines.executors.processes import Processes

        return Processes(model, engine)
    if engine.executor == "ray":
        from lmsi_kedro.engines.executors.ray import RayTasks

        return RayTasks(model, engine)
    if engine.executor == "launch":
        from lmsi_kedro.engines.executors.launch import Launch

        return Launch(model, digest, engine)
    from lmsi_kedro.engines.executors.servers import Servers

    return Servers(model, digest, engine)
