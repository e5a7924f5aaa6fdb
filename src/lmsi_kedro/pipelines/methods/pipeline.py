"""The paths of round 1 -> models of several methods -> methods.json and methods.md.

Every method trains the base model with the steps and batch size of the round's own fine-tuning (sft), on examples
from the same stored paths. No model is promoted or rejected here, so each figure describes the trained model.
"""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.params import Arm
from lmsi_kedro.pipelines import controls, fine_tuning, mixing, preparation
from lmsi_kedro.pipelines.methods.nodes import (
    count_gated,
    preferring,
    tabulate,
    write_page,
)
from lmsi_kedro.pipelines.self_improve.models import create_evaluation
from lmsi_kedro.pipelines.self_improve.pipeline import create_candidate
from lmsi_kedro.pipelines.voting.nodes import keep_agreeing_paths
from lmsi_kedro.wiring import fixed, namespaced

CONTROLS: tuple[Arm, ...] = ("random", "gold")
OUTSIDE = {"questions", "tasks", "exemplars", "base_model"}


def create_pipeline() -> Pipeline:
    """Creates the preparation, one round without promotion, the other methods and controls, and the table."""
    methods = {"weighted": weighted(), "gated": gated(), "scpo": preferred()}
    names = ["base", *methods, *CONTROLS]
    return Pipeline(
        [
            preparation.create_pipeline(),
            create_candidate(1, "base_model", "candidate_1"),
            *methods.values(),
            *[controls.create_arm(arm) for arm in CONTROLS],
            create_evaluation("base_model", 0, "base", "base"),
            create_evaluation("candidate_1", 1, "sft", "sft"),
            *[create_evaluation(f"model_{name}", 1, name, name) for name in names[1:]],
            create_table(names),
        ]
    )


def weighted() -> Pipeline:
    """Trains on the paths of the vote, weighted by margin."""
    steps = Pipeline([mixing.create_rendering("margin"), fine_tuning.create_training()])
    return of_round(steps, "weighted", {"taught", "votes"})


def gated() -> Pipeline:
    """Trains on the paths that agree with votes that pass SCRL's gate."""
    votes = Node(
        count_gated, inputs=["readings", "params:voting"], outputs="votes", name="count_votes"
    )
    agreeing = Node(
        keep_agreeing_paths,
        inputs=["readings", "votes", "params:voting"],
        outputs="answers",
        name="keep_agreeing_paths",
    )
    steps = Pipeline([votes, agreeing, mixing.create_pipeline(), fine_tuning.create_training()])
    return of_round(steps, "gated", {"readings"})


def preferred() -> Pipeline:
    """Trains on pairs of a path of the winning answer and a path of the least-voted answer."""
    choice = Node(
        preferring, ["sft_training", "params:training"], "training", name="choose_training"
    )
    steps = Pipeline(
        [choice, mixing.create_preferences(1), fine_tuning.create_training("preferences")]
    )
    return of_round(steps, "scpo", {"answers", "votes"}, {"sft_training": "training"})


def of_round(
    steps: Pipeline, name: str, read: set[str], renamed: dict[str, str] | None = None
) -> Pipeline:
    """Puts the steps into the namespace of a method in round 1, where they read the outputs of the round."""
    made = {made: f"{made}_{name}" for made in ("examples", "leaks", "pairs")}
    made["tuned_model"] = f"model_{name}"
    outer = renamed or {"training": "training"}
    shared = OUTSIDE | read | {"paths", "previous_examples"}
    inner = namespaced(steps, name, shared, made | outer)
    older = {"previous_examples": "examples_0"}
    return namespaced(inner, "round_1", OUTSIDE | set(made.values()), older)


def create_table(names: list[str]) -> Pipeline:
    """Compares every model with sft, and writes the table as JSON (methods) and Markdown (methods_page)."""
    compared = [
        Node(
            compare,
            inputs=["predictions_sft", f"predictions_{name}", "tasks"],
            outputs=f"metrics_{name}_over_sft",
            name=f"compare_{name}_with_sft",
        )
        for name in names
    ]
    measured = [f"metrics_{name}_over_sft" for name in names]
    table = Node(
        fixed(tabulate, names=names),
        inputs=["candidate_1", *measured],
        outputs="methods",
        name="tabulate_methods",
    )
    page = Node(write_page, inputs="methods", outputs="methods_page", name="write_methods_page")
    return Pipeline([*compared, table, page])
