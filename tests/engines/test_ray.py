"""A real Ray cluster of two nodes, one of which is killed mid-run: the same chunks, byte for byte."""

import io
from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Sampling
from lmsi_kedro.tasks import Prompt
from tests.models import tiny_model

PROMPTS = {f"q{i}": Prompt("Q: a?\nA: b.\n\n", f"Q: {i}?\nA:") for i in range(24)}
ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=2, dtype="float32", rows_per_chunk=8,
    chat="auto", trust_remote_code=False, skip_too_long=False,
)  # fmt: skip


def plan(model: Path, executor: str) -> Plan:
    made = Plan(model, "d", ENGINE.model_copy(update={"executor": executor}))
    made.add(PROMPTS, range(4), Sampling(temperature=1.0, max_new_tokens=64, seed=3), {})
    return made


def content(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_lost_node_changes_nothing(tmp_path: Path) -> None:
    import ray
    from ray.cluster_utils import Cluster

    model = tiny_model(tmp_path / "model")
    local = plan(model, "processes")
    expected = {name: content(table) for name, table in local.compute(list(local.chunks))}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    lost = cluster.add_node(num_cpus=1)
    try:
        ray.init(address=cluster.address, log_to_driver=False)
        remote, found = plan(model, "ray"), {}
        for name, table in remote.compute(list(remote.chunks)):
            found[name] = content(table)
            if len(found) == 3:
                cluster.remove_node(lost, allow_graceful=False)
        assert found == expected
        assert len(found) == 12
    finally:
        ray.shutdown()
        cluster.shutdown()
