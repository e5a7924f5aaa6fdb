"""Makes metrics.json and the page from the metrics of every round, and the record of the run.

Nodes that can run again for a finished run have the tag `reporting`; they use no parameters, since these may have
changed.
"""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.calibration import calibrate_probe
from lmsi_kedro.params import Arm
from lmsi_kedro.pipelines.reporting.nodes import (
    describe_model,
    describe_round,
    gather_controls,
    render_report,
    summarise,
)
from lmsi_kedro.pipelines.reporting.questions import gather_questions
from lmsi_kedro.pipelines.reporting.record import count_tokens, describe_run, describe_trainings
from lmsi_kedro.report.chart import chart_accuracy
from lmsi_kedro.wiring import fixed


def create_pipeline(
    rounds: int,
    arms: Sequence[Arm] = ("random",),
    equal_compute: bool = False,
    headroom: bool = False,
) -> Pipeline:
    """Reports on the base model, the rounds and the control arms; the list of questions shows the last round.

    `kedro run --pipelines=controls --tags=reporting` makes the report of that pipeline again, with its arms.
    """
    measured = [*numbers(rounds), controls(arms, equal_compute)]
    return Pipeline([*measured, *page(rounds, headroom)], tags="reporting")


def create_record(
    rounds: int, arms: Sequence[Arm] = ("random",), equal_compute: bool = False
) -> Pipeline:
    """Makes run_record, label_precision and the model cards, which depend on parameters and models of the run."""
    numbers = range(1, rounds + 1)
    untrained = ["untrained"] if equal_compute else []
    evaluated = [f"evaluation_readings_{model}" for model in ("0", *numbers, *arms, *untrained)]
    monitored = [
        f"monitor_readings_{model}" for model in ("0", *(f"candidate_{k}" for k in numbers))
    ]
    inputs = ["this_run", "parameters", "base_model", f"model_{rounds}"]
    counted = ["trainings", "evaluation_tokens", "monitor_tokens"]
    sharing = [f"sharing_{k}" for k in numbers]
    return Pipeline(
        [
            label_precision(),
            Node(count_tokens, evaluated, "evaluation_tokens", name="count_evaluation_tokens"),
            Node(count_tokens, monitored, "monitor_tokens", name="count_monitor_tokens"),
            Node(
                describe_trainings,
                inputs=[f"candidate_{k}" for k in numbers],
                outputs="trainings",
                name="describe_trainings",
            ),
            Node(describe_run, [*inputs, *counted, *sharing], "run_record", name="describe_run"),
            *cards(rounds),
        ]
    )


def numbers(rounds: int) -> list[Node]:
    """Makes metrics.json from the metrics of each round."""
    described = [
        Node(
            fixed(describe_round, round_number=k),
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
    measured = ["measured_controls", "label_precision", "run_record"]
    summaries = [f"summary_{k}" for k in range(1, rounds + 1)]
    return [
        *described,
        Node(summarise, [*measured, *summaries], "metrics", name="summarise_rounds"),
    ]


def controls(arms: Sequence[Arm], equal_compute: bool) -> Node:
    """Collects the comparisons of the control arms."""
    measured = [f"metrics_{arm}" for arm in arms] + [f"metrics_vote_over_{arm}" for arm in arms]
    return Node(
        fixed(gather_controls, arms=arms),
        inputs=[*measured, *(["equal_compute"] if equal_compute else [])],
        outputs="measured_controls",
        name="gather_controls",
    )


def label_precision() -> Node:
    """Measures label_precision from the base model's votes on the probe questions that the monitor sampled."""
    return Node(
        calibrate_probe,
        inputs=["monitor_readings_0", "labels", "questions", "tasks", "params:evaluation"],
        outputs="label_precision",
        name="calibrate_probe",
    )


def page(rounds: int, headroom: bool) -> list[Node]:
    """Makes the chart for Kedro-Viz, the questions with all answers before and after, and the page."""
    last = str(rounds)
    return [
        Node(chart_accuracy, "metrics", "accuracy_chart", name="chart_accuracy"),
        Node(
            gather_questions,
            inputs=[
                *("questions", "labels", "tasks"),
                *("evaluation_readings_0", f"evaluation_readings_{last}"),
                *("predictions_0", f"predictions_{last}"),
            ],
            outputs="shown_questions",
            name="gather_questions",
        ),
        Node(
            render_report,
            inputs=[
                "metrics",
                "shown_questions",
                "run_record",
                *(["headroom"] if headroom else []),
            ],
            outputs="report",
            name="render_report",
        ),
    ]


def cards(rounds: int) -> list[Node]:
    """Writes a card into each round's model directory.

    The model is an input of the node, so it is saved first: saving it later would remove the card.
    """
    return [
        Node(
            fixed(describe_model, round_number=k),
            inputs=["metrics", "run_record", "base_model", f"model_{k}"],
            outputs=f"card_{k}",
            name=f"describe_model_{k}",
        )
        for k in range(1, rounds + 1)
    ]
