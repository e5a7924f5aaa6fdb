"""A finished run is logged to an MLflow store on disk, and MLflow reads it back."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from kedro.pipeline import Node, Pipeline

from lmsi_kedro import tracking
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.hooks import ShapeHook
from lmsi_kedro.tracking import TrackingHook, client_of, flat
from tests.models import tiny_model

ACCURACY = {"before": {"accuracy": 0.5, "n": 40}, "after": {"accuracy": 0.75, "n": 40}}
ROUND = {
    "tasks": {"mini_gsm": {"cot_greedy": ACCURACY}},
    "pooled": {"cot_greedy": {**ACCURACY, "delta": 0.25}},
    "votes": {"confidence": 0.7, "rule": "trigger"},
}
METRICS = {
    "headline": {"before": 0.5, "after": 0.75, "improved": True, "guard": "none"},
    "rounds": [{"round": 1, **ROUND}, {"round": 2, **ROUND}],
}
REPORTING = Pipeline([Node(lambda x: (x, x), "x", ["metrics", "report"], name="report")])
RUN = {"run_id": "2026-11-28", "pipeline_names": ["self_improve"]}


class Catalog:
    def __init__(self, model: Path) -> None:
        self.stored = {
            "metrics": METRICS,
            "run_record": {
                "command": "kedro run --env=smoke",
                "parameters": {"paths": {"m": 16, "sampling": {"seed": 1}}},
            },
            "report": "<html>",
            "model_1": Model.at(model),
            "model_2": Model.at(model),
        }

    def load(self, name: str) -> Any:
        return self.stored[name]


def test_leaves_have_dotted_names() -> None:
    assert dict(flat({"a": {"b": {"c": 1}, "d": [2]}, "e": None})) == {
        "a.b.c": 1,
        "a.d": [2],
        "e": None,
    }


def test_missing_mlflow_stops_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr(ShapeHook, "parameters", {"tracking": "mlruns"})
    hook = TrackingHook()
    hook.before_pipeline_run(Pipeline([]))
    with pytest.raises(ValueError, match=r"pip install 'lmsi-kedro\[mlflow\]'"):
        hook.before_pipeline_run(REPORTING)


def test_commands_that_only_read_need_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    parameters = {"parameters": {"tracking": str(tmp_path / "mlruns")}}
    context = SimpleNamespace(project_path=tmp_path, config_loader=parameters)
    TrackingHook().after_context_created(context)
    assert not (tmp_path / "mlruns").exists()


def test_stored_parameters_of_the_run_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current configuration is not logged; a relative folder is resolved from the project."""
    client = MagicMock()
    stores: list[str] = []

    def client_of(store: str) -> MagicMock:
        stores.append(store)
        return client

    client.create_run.return_value.info.run_id = "id"
    monkeypatch.setattr(tracking, "client_of", client_of)
    logged: dict[str, Any] = {}
    monkeypatch.setattr(tracking, "log_parameters", lambda _, __, values: logged.update(values))
    monkeypatch.setattr(tracking, "log_numbers", lambda *_: None)
    monkeypatch.setattr(ShapeHook, "parameters", {"tracking": "mlruns", "rounds": 3})
    hook, catalog = TrackingHook(), Catalog(tiny_model(tmp_path / "model"))
    hook.after_context_created(
        SimpleNamespace(project_path=tmp_path, config_loader={"parameters": {"tracking": None}})
    )
    hook.after_pipeline_run(RUN, REPORTING, catalog)
    assert stores == [str(tmp_path / "mlruns")]
    assert logged == catalog.load("run_record")["parameters"]
    assert client.create_run.call_args_list[0].kwargs["tags"] == {
        "command": "kedro run --env=smoke"
    }


@pytest.mark.filterwarnings("ignore")  # warnings of MLflow and its imports
@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None,
    reason="MLflow is missing: pip install -c constraints.txt mlflow-skinny",
)
def test_every_round_is_a_nested_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = str(tmp_path / "mlruns")
    # The current parameters, which differ from those of the run.
    parameters = {"tracking": "mlruns", "paths": {"m": 8, "sampling": {"seed": 2}}}
    monkeypatch.setattr(ShapeHook, "parameters", parameters)
    hook = TrackingHook()
    hook.after_context_created(SimpleNamespace(project_path=tmp_path))
    hook.after_pipeline_run(RUN, REPORTING, Catalog(tiny_model(tmp_path / "model")))
    client = client_of(store)
    experiment = client.get_experiment_by_name("lmsi-kedro")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"2026-11-28", "round_1", "round_2"}
    whole = runs["2026-11-28"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert whole.data.params == {"paths.m": "16", "paths.sampling.seed": "1"}
    assert whole.data.tags["command"] == "kedro run --env=smoke"
    assert whole.data.metrics == {"before": 0.5, "after": 0.75, "improved": 1.0}
    files = {each.path for each in client.list_artifacts(whole.info.run_id)}
    assert files == {"metrics.json", "report.html"}
    second = runs["round_2"]
    assert second.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert second.data.metrics["pooled.cot_greedy.delta"] == 0.25
    assert second.data.metrics["tasks.mini_gsm.cot_greedy.after.accuracy"] == 0.75
    model = client.download_artifacts(second.info.run_id, "model", str(tmp_path))
    assert Model.at(Path(model)).digest == Model.at(tmp_path / "model").digest


def test_pipeline_without_a_report_is_not_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShapeHook, "parameters", {"tracking": str(tmp_path / "mlruns")})
    TrackingHook().after_pipeline_run(RUN, Pipeline([]), None)
    assert not (tmp_path / "mlruns").exists()
