"""Kedro-Viz shows every dataset in a layer, the code of every node, and previews, which are JSON."""

import inspect
import json
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from lmsi_kedro.datasets.model_json import ModelJson
from lmsi_kedro.datasets.previewed import Chart, Table
from lmsi_kedro.params import CONTROL_ARMS, HeadroomParams
from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from lmsi_kedro.pipelines.self_improve_from_seeds import create_pipeline as from_seeds
from lmsi_kedro.pipelines.warm_start import start_warm
from tests.contexts import project_context
from tests.fabricate import TASKS

ROOT = Path(__file__).parents[1]
GATED = HeadroomParams(enabled=True, questions_per_task=9, probe=True, stop=True)


@pytest.fixture(scope="module")
def catalog() -> Iterator[Any]:
    bootstrap_project(ROOT)
    with project_context() as context:
        yield context.catalog


def layers(pipeline: Pipeline, catalog: Any) -> list[str]:
    """The layers in order; raises CycleError if a dataset comes before one of its ancestors."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node in pipeline.nodes:
        given, made = ([layer(name, catalog) for name in names if not name.startswith("param")]
                       for names in (node.inputs, node.outputs))  # fmt: skip
        for later in made:
            sorter.add(later, *(earlier for earlier in given if earlier != later))
    return list(sorter.static_order())


def layer(name: str, catalog: Any) -> str:
    found: str = catalog[name].metadata["kedro-viz"]["layer"]
    return found


def test_every_dataset_has_an_ordered_layer(catalog: Any) -> None:
    """The reproduction is left out, because its layers have no order: each seed repeats the layers of the loop."""
    from kedro.framework.project import pipelines

    for name, pipeline in pipelines.items():
        if name != "reproduction":
            assert layers(pipeline, catalog), name
    found = layers(create_pipeline(rounds=1), catalog)
    steps = ["given", "prepared", "round_1", "examples_1", "round_1.training", "model_1"]
    assert [name for name in found if name in steps] == steps
    assert {"evaluation", "report"} == set(found[-2:])


@pytest.mark.parametrize(
    "pipeline",
    [
        create_pipeline(3, "probe", CONTROL_ARMS, True, GATED),
        start_warm(create_pipeline(2, arms=(*CONTROL_ARMS, "labeled"))),
        from_seeds(rounds=2),
    ],
    ids=["controls", "warm start", "from seeds"],
)
def test_layers_of_longer_loops_are_in_order(pipeline: Pipeline, catalog: Any) -> None:
    found = layers(pipeline, catalog)
    assert found.index("model_1") < found.index("round_2") < found.index("model_2")


def test_every_node_shows_its_code() -> None:
    from kedro.framework.project import pipelines

    bootstrap_project(ROOT)
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            assert inspect.isfunction(node.func), node.name
            assert "lmsi_kedro" in str(inspect.getsourcefile(inspect.unwrap(node.func)))


def test_previews_are_json_whatever_the_columns(tmp_path: Path) -> None:
    """Votes contain lists, on which the preview of kedro-datasets fails."""
    table = Table(filepath=str(tmp_path / "votes.parquet"))
    table.save(pl.DataFrame({"key": ["num:1", None], "tied": [["a", "b"], None], "n": [1, 2]}))
    shown = json.loads(json.dumps(table.preview()))
    assert shown["columns"] == ["key", "tied", "n"]
    assert shown["data"] == [["num:1", '["a", "b"]', 1], [None, None, 2]]
    assert len(table.preview(nrows=1)["data"]) == 1
    chart = Chart(filepath=str(tmp_path / "accuracy.json"))
    chart.save({"data": [], "layout": {}})
    assert chart.preview() == {"data": [], "layout": {}}
    model = ModelJson(filepath=str(tmp_path / "tasks.json"), model="lmsi_kedro.tasks.Tasks")
    model.save(TASKS)
    assert json.loads(model.preview())["mini_arc"]["kind"] == "choice"
