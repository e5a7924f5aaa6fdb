"""A real Ray cluster, one of whose two nodes is killed, computes the same bytes as local processes."""

import io
import time
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Sampling
from tests.engines.ray_nodes import kill_at_work
from tests.models import RAGGED, tiny_model

PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {i}?\nA:" for i in range(24)}
ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=2, dtype="float32", paths_per_chunk=8, rows=4,
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
def test_a_lost_node_does_not_change_the_chunks(tmp_path: Path) -> None:
    import ray
    from ray.cluster_utils import Cluster

    model = tiny_model(tmp_path / "model", ends=RAGGED)
    with closing(plan(model, "processes")) as local:
        expected = {name: content(table) for name, table in local.compute(list(local.chunks))}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    lost = cluster.add_node(num_cpus=1)
    try:
        ray.init(address=cluster.address, log_to_driver=False)
        remote, found, killed = plan(model, "ray"), {}, False
        for name, table in remote.compute(list(remote.chunks)):
            found[name] = content(table)
            killed = killed or kill_at_work(cluster, lost)
        assert killed
        assert found == expected
        assert len(found) == 12
        deadline = time.monotonic() + 60  # the cluster's health check takes a while
        while sum(node["Alive"] for node in ray.nodes()) == 2:
            assert time.monotonic() < deadline, "the node is still there"
            time.sleep(0.2)
    finally:
        ray.shutdown()
        cluster.shutdown()
