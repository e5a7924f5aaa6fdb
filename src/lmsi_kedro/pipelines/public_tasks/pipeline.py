"""hub:... -> rows of every benchmark -> public_questions, a question file for `--params=questions=...`."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.public_tasks.nodes import join_benchmarks, read_benchmark
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from lmsi_kedro.wiring import fixed


def create_pipeline(names: Sequence[str]) -> Pipeline:
    """Creates the question file of these benchmarks."""
    read = [
        Node(
            fixed(read_benchmark, name=name),
            inputs=[
                f"hub:{BENCHMARKS[name].path}:{BENCHMARKS[name].config}",
                "params:public_tasks",
            ],
            outputs=f"{name}_rows",
            name=f"read_{name}",
        )
        for name in names
    ]
    join = Node(
        join_benchmarks,
        inputs=[f"{name}_rows" for name in names],
        outputs="public_questions",
        name="join_benchmarks",
    )
    return Pipeline([*read, join])
