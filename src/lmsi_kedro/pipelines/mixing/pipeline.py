"""answers, paths -> selected -> taught -> new_examples -> examples of all rounds so far -> mixture.

Preference training also selects pairs, and combines the mixture with the pairs of all rounds into preferences.
"""

from collections.abc import Callable

import polars as pl
from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Arm, Format, Weight
from lmsi_kedro.pipelines.mixing.arms import (
    keep_formats,
    repeat_labeled,
    select_gold_paths,
    select_random_paths,
    select_shuffled_paths,
)
from lmsi_kedro.pipelines.mixing.nodes import (
    accumulate_examples,
    balance_examples,
    leave_out_leaks,
    render_examples,
    select_voted_paths,
)
from lmsi_kedro.pipelines.mixing.pairs import oppose_examples, select_paired_paths
from lmsi_kedro.wiring import fixed

# Paper, table 5: the vote's paths in a subset of the formats.
FORMATS: dict[Arm, tuple[Format, ...]] = {
    "direct_only": ("few_shot_direct", "zero_shot_direct"),
    "few_shot_cot_only": ("few_shot_cot",),
}
SELECTIONS: dict[Arm, tuple[Callable[..., pl.DataFrame], list[str]]] = {
    "vote": (select_voted_paths, ["answers", "paths"]),
    "random": (select_random_paths, ["readings", "paths", "voted", "params:mixing"]),
    "shuffled": (select_shuffled_paths, ["voted", "questions", "params:mixing"]),
    "gold": (
        select_gold_paths,
        ["readings", "paths", "gold_labels", "questions", "tasks", "params:voting"],
    ),
}


def create_pipeline(round_number: int = 1, arm: Arm = "vote") -> Pipeline:
    """Creates the mixture of an arm from the paths that it selects or from some of the vote's examples.

    The first round has number 1, which every example stores.
    """
    if arm == "labeled":
        return Pipeline([again(), balanced()])
    if arm in FORMATS:
        return Pipeline([*some_formats(arm), balanced()])
    select, inputs = SELECTIONS[arm]
    selection = Node(select, inputs=inputs, outputs="selected", name=select.__name__)
    rendering = rendered(round_number, voted=arm == "vote")
    return Pipeline([selection, *exampled(rendering), balanced()])


def create_preferences(round_number: int) -> Pipeline:
    """Creates the mixture of a round's vote, and adds a rejected path to each example. The first round is 1."""
    selection = Node(
        fixed(select_paired_paths, round_number=round_number),
        inputs=["answers", "votes", "paths", "params:mixing"],
        outputs=["selected", "pairs"],
        name="select_paired_paths",
    )
    older = [f"pairs_{number}" for number in range(1, round_number)]
    opposition = Node(
        oppose_examples,
        inputs=["mixture", "questions", "tasks", *older, "pairs"],
        outputs="preferences",
        name="oppose_examples",
    )
    return Pipeline([selection, *exampled(rendered(round_number)), balanced(), opposition])


def create_rendering(weight: Weight | None = None) -> Pipeline:
    """taught -> mixture of round 1; examples are weighted by the votes only if `weight` is set."""
    return Pipeline([rendered(1, weight is not None, weight), accumulated(), balanced()])


def balanced() -> Node:
    return Node(
        balance_examples,
        inputs=["examples", "base_model", "params:mixing", "params:engine"],
        outputs="mixture",
        name="balance_examples",
    )


def again() -> Node:
    """Returns the unchanged examples of the warm start."""
    return Node(repeat_labeled, inputs="examples_warm", outputs="examples", name="repeat_labeled")


def some_formats(arm: Arm) -> list[Node]:
    keep = fixed(keep_formats, arm=arm, formats=FORMATS[arm])
    return [Node(keep, inputs="voted_examples", outputs="examples", name="keep_formats")]


def exampled(rendering: Node) -> list[Node]:
    """selected -> examples."""
    leaks = Node(
        leave_out_leaks,
        inputs=["selected", "questions"],
        outputs=["taught", "leaks"],
        name="leave_out_leaks",
    )
    return [leaks, rendering, accumulated()]


def rendered(round_number: int, voted: bool = False, weight: Weight | None = None) -> Node:
    """Renders the examples; if `voted`, weights them by `weight` or, if it is None, by mixing.weight."""
    inputs = ["taught", "questions", "exemplars", "tasks", "params:mixing"]
    return Node(
        fixed(render_examples, weight=weight, round_number=round_number),
        inputs=[*inputs, "votes"] if voted else inputs,
        outputs="new_examples",
        name="render_examples",
    )


def accumulated() -> Node:
    return Node(
        accumulate_examples,
        inputs=["previous_examples", "new_examples"],
        outputs="examples",
        name="accumulate_examples",
    )
