"""Builds one control arm of round 1, and the vote of the untrained model with the same compute."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Arm
from lmsi_kedro.pipelines import evaluation, fine_tuning, mixing
from lmsi_kedro.pipelines.controls.nodes import afford_paths, contrast, plan_untrained
from lmsi_kedro.wiring import namespaced, sampled

OUTSIDE = {"questions", "tasks", "exemplars", "base_model", "gold_labels", "examples_warm"}


def create_arm(arm: Arm) -> Pipeline:
    """Trains model_{arm}: the base model with the steps, batch size and seed of round 1, on other examples.

    A smaller set of examples is repeated more often, since the number of steps is the same.
    """
    steps = Pipeline([mixing.create_pipeline(arm=arm), fine_tuning.create_training()])
    made = {"examples": f"examples_{arm}", "leaks": f"leaks_{arm}", "tuned_model": f"model_{arm}"}
    of_round = {"readings", "paths", "previous_examples", "voted_examples", "training"}
    inner = namespaced(steps, arm, OUTSIDE | of_round, {**made, "voted": "selected"})
    renamed = {"previous_examples": "examples_0", "voted_examples": "examples_1"}
    return namespaced(inner, "round_1", OUTSIDE | set(made.values()), renamed)


def create_equal_compute() -> Pipeline:
    """Compares model_1 with the untrained model's vote over as many paths as the compute of round 1 allows."""
    steps = Pipeline([*affordable_votes(), evaluation.create_marking(0, "untrained"), contest()])
    renamed = {
        "vote_statistics": "vote_statistics_1",
        "candidate": "candidate_1",
        "evaluation_readings": "evaluation_readings_untrained",
        "predictions": "predictions_untrained",
        "tuned_predictions": "predictions_1",
    }
    return namespaced(steps, "untrained", {*OUTSIDE, "labels", "equal_compute"}, renamed)


def affordable_votes() -> list[Node]:
    """Samples as many paths as the tokens of round 1 allow."""
    budget = Node(
        afford_paths,
        inputs=[
            "vote_statistics",
            "candidate",
            "questions",
            "tasks",
            "params:evaluation",
            "params:controls",
        ],
        outputs="afforded",
        name="count_affordable_paths",
    )
    sampling = sampled(
        plan_untrained,
        [
            "questions",
            "exemplars",
            "base_model",
            "tasks",
            "params:evaluation",
            "params:engine",
            "afforded",
        ],
        "evaluation_paths",
    )
    return [budget, *sampling]


def contest() -> Node:
    return Node(
        contrast,
        inputs=["predictions", "tuned_predictions", "afforded"],
        outputs="equal_compute",
        name="compare_with_untrained_vote",
    )
