"""A finished run in an MLflow store: a run for the whole, and one nested in it for every round.

It is told after the run from what is stored, which stays the source: `kedro run --tags=reporting` tells it again.
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
LONGEST = 500  # characters of a parameter, as MLflow's stores have had it


class TrackingHook:
    """With `tracking`: a folder, for a store on this disk, or the address of a server."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """ValueError before the run, not after it, where MLflow is missing."""
        if store := context.config_loader["parameters"]["tracking"]:
            client_of(store)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        store = ShapeHook.parameters.get("tracking")
        if store and {"metrics", "report"} <= pipeline.all_outputs():
            track(client_of(store), run_params, catalog)


def client_of(store: str) -> Any:
    """MLflow's client of a store."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise ValueError(
            "parameters: tracking needs MLflow: pip install 'lmsi-kedro[mlflow]', or set it to null"
        ) from None
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    if "://" in store:
        return MlflowClient(store)
    Path(store).mkdir(parents=True, exist_ok=True)
    return MlflowClient(f"sqlite:///{Path(store).absolute()}/mlflow.db")


def track(client: Any, run_params: dict[str, Any], catalog: Any) -> None:
    """The headline, the parameters and the report of the run; of every round its metrics and its model."""
    metrics = catalog.load("metrics")
    experiment = experiment_of(client, ShapeHook.parameters["tracking"])
    named = {"pipelines": ",".join(run_params["pipeline_names"] or ["self_improve"])}
    whole = begin(client, experiment, run_params["run_id"], named)
    log_parameters(client, whole, ShapeHook.parameters)
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
    """The id of the experiment of all runs; a server has a place for its files, a folder gets them."""
    if found := client.get_experiment_by_name(EXPERIMENT):
        return str(found.experiment_id)
    files = None if "://" in store else (Path(store).absolute() / "artifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, files))


def begin(client: Any, experiment: str, name: str, tags: dict[str, str]) -> str:
    """A new run's id."""
    return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)


def log_parameters(client: Any, run: str, values: dict[str, Any]) -> None:
    """Every value, by its dotted path."""
    from mlflow.entities import Param

    params = [Param(name, str(value)[:LONGEST]) for name, value in flat(values)]
    for start in range(0, len(params), 100):  # a batch has at most so many
        client.log_batch(run, params=params[start : start + 100])


def log_numbers(client: Any, run: str, values: dict[str, Any]) -> None:
    """Every number in nested values, by its dotted path."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    numbers = [(name, value) for name, value in flat(values) if isinstance(value, (int, float))]
    metrics = [Metric(name, float(value), now, 0) for name, value in numbers]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run, metrics=metrics[start : start + 1000])


def flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings with their dotted paths."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
