"""What the wiring of several pipelines has in common."""

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.engines.sample import sample
from lmsi_kedro.reading import read_answers


def sampled(plan: Callable[..., Plan], inputs: list[str], paths: str) -> list[Node]:
    """Two nodes: the plan of what is to be sampled, and the sampling of what `paths` does not hold yet."""
    return [
        Node(plan, inputs=inputs, outputs=f"{paths}_sampling_plan", name=f"plan_{paths}"),
        Node(
            sample,
            inputs=[f"{paths}_sampling_plan", f"stored_{paths}", "first_day"],
            outputs=paths,
            name=f"sample_{paths}",
        ),
    ]


def parsed() -> Node:
    """The answers in the texts of `paths`."""
    return Node(
        read_answers,
        inputs=["paths", "questions", "tasks", "params:voting"],
        outputs="readings",
        name="read_answers",
    )


def namespaced(
    steps: Pipeline, namespace: str, shared: set[str], renamed: dict[str, str]
) -> Pipeline:
    """The steps under a namespace; names of the run, shared ones and parameters stay, renamed ones leave it."""
    used = steps.inputs() | steps.all_outputs()
    shared = {*shared, "first_day"}
    kept = {name for name in used if name in shared or name.startswith("params:")}
    names = {name: renamed.get(name, name) for name in used if name in kept or name in renamed}
    given = {name: new for name, new in names.items() if name in steps.inputs()}
    return Pipeline(
        steps,
        namespace=namespace,
        inputs={name: new for name, new in given.items() if not name.startswith("params:")},
        outputs={name: new for name, new in names.items() if name in steps.all_outputs()},
        parameters={name: new for name, new in given.items() if name.startswith("params:")},
    )
