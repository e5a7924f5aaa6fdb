"""answers, paths -> selected -> taught -> examples of this round -> of all rounds -> mixture."""

from collections.abc import Callable

import polars as pl
from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Arm, Format
from lmsi_kedro.pipelines.mixing.arms import (
    keep_formats,
    repeat_labeled,
    select_gold,
    select_random,
    select_shuffled,
    select_voted,
)
from lmsi_kedro.pipelines.mixing.nodes import (
    accumulate,
    balance,
    leave_out_leaks,
    render_examples,
)
from lmsi_kedro.wiring import fixed

# Paper, table 5: the vote's paths in a subset of the formats.
FORMATS: dict[Arm, tuple[Format, ...]] = {
    "direct_only": ("few_shot_direct", "zero_shot_direct"),
    "few_shot_cot_only": ("few_shot_cot",),
}
SELECTIONS: dict[Arm, tuple[Callable[..., pl.DataFrame], list[str]]] = {
    "vote": (select_voted, ["answers", "paths"]),
    "random": (select_random, ["readings", "paths", "voted", "params:mixing"]),
    "shuffled": (select_shuffled, ["voted", "questions", "params:mixing"]),
    "gold": (
        select_gold,
        ["readings", "paths", "gold_labels", "questions", "tasks", "params:voting"],
    ),
}


def create_pipeline(arm: Arm = "vote") -> Pipeline:
    """The mixture of an arm: the paths that it selects, or the examples of the vote in some formats."""
    balanced = Node(
        balance,
        inputs=["examples", "base_model", "params:mixing", "params:engine"],
        outputs="mixture",
        name="balance_examples",
    )
    if arm == "labeled":
        return Pipeline([again(), balanced])
    return Pipeline([*(some_formats(arm) if arm in FORMATS else selected(arm)), balanced])


def again() -> Node:
    """The unchanged examples of the warm start."""
    return Node(repeat_labeled, inputs="examples_warm", outputs="examples", name="repeat_labeled")


def some_formats(arm: Arm) -> list[Node]:
    keep = fixed(keep_formats, arm=arm, formats=FORMATS[arm])
    return [Node(keep, inputs="voted_examples", outputs="examples", name="keep_formats")]


def selected(arm: Arm) -> list[Node]:
    select, inputs = SELECTIONS[arm]
    return [
        Node(select, inputs=inputs, outputs="selected", name=f"{select.__name__}_paths"),
        Node(
            leave_out_leaks,
            inputs=["selected", "questions"],
            outputs=["taught", "leaks"],
            name="leave_out_leaks",
        ),
        Node(
            render_examples,
            inputs=[
                "taught",
                "previous_examples",
                "questions",
                "exemplars",
                "tasks",
                "params:mixing",
            ],
            outputs="new_examples",
            name="render_examples",
        ),
        Node(
            accumulate,
            inputs=["previous_examples", "new_examples"],
            outputs="examples",
            name="accumulate_examples",
        ),
    ]
