"""From the metrics of every round to metrics.json and the page."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.calibration import calibrate_probe
from lmsi_kedro.params import Arm
from lmsi_kedro.pipelines.reporting.nodes import (
    choose_examples,
    describe_examples,
    describe_model,
    describe_round,
    describe_run,
    gather_controls,
    render_report,
    summarise,
)
from lmsi_kedro.report.figures import accuracy_figure, calibration_figure, curves_figure

FIGURES = {
    "accuracy_figure": accuracy_figure,
    "calibration_figure": calibration_figure,
    "curves_figure": curves_figure,
}


def create_pipeline(
    rounds: int,
    arms: Sequence[Arm] = ("random",),
    equal_compute: bool = False,
    headroom: bool = False,
) -> Pipeline:
    """Reports on the base model, the given number of rounds and control arms; examples show the last round.

    The tag makes the report of a pipeline again, with its arms: `kedro run --pipelines=controls --tags=reporting`.
    """
    measured = [*numbers(rounds), controls(arms, equal_compute), label_precision()]
    shown = [*figures(), *examples(rounds), page(headroom), *cards(rounds)]
    return Pipeline([*measured, *shown], tags="reporting")


def numbers(rounds: int) -> list[Node]:
    """metrics.json from what was measured in each round."""
    described = [
        Node(
            update_wrapper(partial(describe_round, round=k), describe_round),
            inputs=[
                f"metrics_{k}",
                f"metrics_step_{k}",
                f"vote_statistics_{k}",
                f"leaks_{k}",
                f"monitor_{k}",
                "curves_0",
                f"curves_{k}",
            ],
            outputs=f"summary_{k}",
            name=f"describe_round_{k}",
        )
        for k in range(1, rounds + 1)
    ]
    measured = ["measured_controls", "label_precision", "params:guard"]
    summaries = [f"summary_{k}" for k in range(1, rounds + 1)]
    return [*described, Node(summarise, [*measured, *summaries], "metrics", name="summarise")]


def controls(arms: Sequence[Arm], equal_compute: bool) -> Node:
    """The comparisons of the control arms."""
    measured = [f"metrics_{arm}" for arm in arms] + [f"metrics_vote_over_{arm}" for arm in arms]
    return Node(
        update_wrapper(partial(gather_controls, arms=arms), gather_controls),
        inputs=[*measured, *(["equal_compute"] if equal_compute else [])],
        outputs="measured_controls",
        name="gather_controls",
    )


def label_precision() -> Node:
    """What the base model's votes on probe questions, which the monitor sampled, say about thresholds."""
    return Node(
        calibrate_probe,
        inputs=["monitor_readings_0", "labels", "questions", "tasks", "params:evaluation"],
        outputs="label_precision",
        name="calibrate_probe",
    )


def figures() -> list[Node]:
    return [
        Node(draw, inputs="metrics", outputs=name, name=f"draw_{name.removesuffix('_figure')}")
        for name, draw in FIGURES.items()
    ]


def examples(rounds: int) -> list[Node]:
    """What the base model and the last round's wrote on the same questions."""
    return [
        Node(
            choose_examples,
            inputs=["predictions_0", f"predictions_{rounds}", "tasks"],
            outputs="chosen_questions",
            name="choose_examples",
        ),
        Node(
            describe_examples,
            inputs=[
                "chosen_questions",
                "questions",
                "labels",
                "tasks",
                "evaluation_readings_0",
                f"evaluation_readings_{rounds}",
            ],
            outputs="shown_questions",
            name="describe_examples",
        ),
        Node(
            describe_run,
            inputs=["parameters", "base_model", f"model_{rounds}"],
            outputs="provenance",
            name="describe_run",
        ),
    ]


def page(headroom: bool) -> Node:
    return Node(
        render_report,
        inputs=[
            "metrics",
            *FIGURES,
            "shown_questions",
            "provenance",
            *(["headroom"] if headroom else []),
        ],
        outputs="report",
        name="render_report",
    )


def cards(rounds: int) -> list[Node]:
    """The card in each round's model directory; saving the model again removes it, so the model is an input."""
    return [
        Node(
            update_wrapper(partial(describe_model, round=k), describe_model),
            inputs=["metrics", "parameters", "base_model", f"model_{k}"],
            outputs=f"card_{k}",
            name=f"describe_model_{k}",
        )
        for k in range(1, rounds + 1)
    ]
