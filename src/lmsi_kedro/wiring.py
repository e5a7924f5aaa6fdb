"""Functions that several pipelines use to connect their nodes."""

import inspect
from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from typing import Any, Protocol

import polars as pl
from kedro.pipeline import Node, Pipeline

from lmsi_kedro import reading
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.engines.sample import sample_paths
from lmsi_kedro.params import VotingParams
from lmsi_kedro.tasks import Tasks


def fixed(function: Callable[..., Any], **arguments: Any) -> Callable[..., Any]:
    """Sets some arguments of a function for a node. This is not a partial, whose code Kedro-Viz would not show."""

    @wraps(function)
    def node(*inputs: Any, **named: Any) -> Any:
        return function(*inputs, **named, **arguments)

    signature = inspect.signature(function)
    left = [p for name, p in signature.parameters.items() if name not in arguments]
    node.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
    node.keywords = arguments  # type: ignore[attr-defined]  # as in a partial
    return node


def sampled(plan: Callable[..., Plan], inputs: list[str], paths: str) -> list[Node]:
    """Makes two nodes: one plans what to sample, the other samples the chunks that are not in `paths` yet."""
    return [
        Node(plan, inputs=inputs, outputs=f"{paths}_sampling_plan", name=f"plan_{paths}"),
        Node(
            sample_paths,
            inputs=[f"{paths}_sampling_plan", f"stored_{paths}", "first_day"],
            outputs=paths,
            name=f"sample_{paths}",
        ),
    ]


def parsed() -> Node:
    """Returns the node that parses the answers of `paths`, which must be those of the plan."""
    return Node(
        read_answers,
        inputs=[
            "paths",
            "paths_sampling_plan",
            "first_day",
            "questions",
            "tasks",
            "params:voting",
        ],
        outputs="readings",
        name="read_answers",
    )


class Stored(Protocol):
    """Paths as loaded from their dataset."""

    def of(self, plan: str) -> Iterable[pl.DataFrame]: ...


def read_answers(
    paths: Stored,
    plan: Plan,
    first_day: date,
    questions: pl.DataFrame,
    tasks: Tasks,
    voting: VotingParams,
) -> pl.DataFrame:
    """Returns the readings of this plan's paths; raises an error if the stored paths belong to another plan."""
    return reading.read_answers(paths.of(plan.on(first_day).address), questions, tasks, voting)


def namespaced(
    steps: Pipeline, namespace: str, shared: set[str], renamed: dict[str, str]
) -> Pipeline:
    """Puts steps into a namespace; shared datasets and parameters stay outside, `renamed` ones under new names."""
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
