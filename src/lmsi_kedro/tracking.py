"""Records a finished run in MLflow, as one MLflow run with a nested one for every round.

The hook reads the stored files after the run, so `kedro run --tags=reporting` records a finished run again.
"""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from lmsi_kedro.hooks import ShapeHook

EXPERIMENT = "lmsi-kedro"
LONGEST = 500  # characters of a parameter, MLflow's former limit


class TrackingHook:
    """Records runs in the store that the parameter `tracking` names: a local folder or the address of a server."""

    def __init__(self) -> None:
        self.project = Path()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        self.project = Path(context.project_path)

    @hook_impl
    def before_pipeline_run(self, pipeline: Any) -> None:
        """Raises ValueError for an unusable store before the run, not after it."""
        if store := ShapeHook.parameters.get("tracking"):
            check(store)
            if is_reported(pipeline):
                client_class()

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        store = ShapeHook.parameters.get("tracking")
        if store and is_reported(pipeline):
            track(store if "://" in store else str(self.project / store), run_params, catalog)


def is_reported(pipeline: Any) -> bool:
    return bool(pipeline.all_outputs() >= {"metrics", "report"})


def check(store: Any) -> None:
    """Raises ValueError unless this is a folder or an address, or if the address contains a secret."""
    if not isinstance(store, str):
        raise ValueError(f"parameters: tracking must be a folder or an address, not {store!r}")
    if "://" in store and ("@" in store or "?" in store):
        raise ValueError(
            "parameters: tracking: the address must not contain a user, password or key, since it is stored and "
            "shown: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment"
        )


def client_class() -> Any:
    """Returns the class of MLflow's client; raises ValueError if MLflow is missing."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise ValueError(
            "parameters: tracking needs MLflow: pip install 'lmsi-kedro[mlflow]', or set it to null"
        ) from None
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return MlflowClient


def client_of(store: str) -> Any:
    """Returns the client of a store; creates the folder of a local one."""
    client = client_class()
    if "://" in store:
        return client(store)
    Path(store).mkdir(parents=True, exist_ok=True)
    return client(f"sqlite:///{Path(store).absolute()}/mlflow.db")


def track(store: str, run_params: dict[str, Any], catalog: Any) -> None:
    """Records the headline, command, parameters and report of the run, and metrics and model of every round."""
    client = client_of(store)
    metrics, record = catalog.load("metrics"), catalog.load("run_record")
    experiment = experiment_of(client, store)
    whole = begin(client, experiment, run_params["run_id"], {"command": record["command"]})
    log_parameters(client, whole, record["parameters"])
    log_numbers(client, whole, metrics["headline"])
    client.log_dict(whole, metrics, "metrics.json")
    client.log_text(whole, catalog.load("report"), "report.html")
    for summary in metrics["rounds"]:
        number = summary["round"]
        nested = begin(client, experiment, f"round_{number}", {"mlflow.parentRunId": whole})
        for group in ("tasks", "pooled", "votes"):
            log_numbers(client, nested, {group: summary[group]})
        client.log_artifacts(nested, str(catalog.load(f"model_{number}").path), "model")
        client.set_terminated(nested)
    client.set_terminated(whole)


def experiment_of(client: Any, store: str) -> str:
    """Returns the id of the experiment with all runs; a local store keeps their files in its folder."""
    if found := client.get_experiment_by_name(EXPERIMENT):
        return str(found.experiment_id)
    files = None if "://" in store else (Path(store).absolute() / "artifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, files))


def begin(client: Any, experiment: str, name: str, tags: dict[str, str]) -> str:
    """Creates a run and returns its id."""
    return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)


def log_parameters(client: Any, run: str, values: dict[str, Any]) -> None:
    """Logs every value by its dotted path."""
    from mlflow.entities import Param

    params = [Param(name, str(value)[:LONGEST]) for name, value in flat(values)]
    for start in range(0, len(params), 100):  # the maximum batch size
        client.log_batch(run, params=params[start : start + 100])


def log_numbers(client: Any, run: str, values: dict[str, Any]) -> None:
    """Logs every number in nested values by its dotted path."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    numbers = [(name, value) for name, value in flat(values) if isinstance(value, (int, float))]
    metrics = [Metric(name, float(value), now, 0) for name, value in numbers]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run, metrics=metrics[start : start + 1000])


def flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the leaves of nested mappings with their dotted paths."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
