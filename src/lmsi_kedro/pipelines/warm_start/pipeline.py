"""raw_worked_examples -> worked_examples -> taught_warm -> examples_warm -> mixture -> warm_model.

What is taught is rendered by the nodes of mixing, as sampled paths are, and trained by that of fine_tuning.
`start_warm` puts this before a pipeline of the loop, which then has warm_model wherever it had base_model.
"""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.pipelines import fine_tuning, mixing, preparation
from lmsi_kedro.pipelines.self_improve.pipeline import create_evaluation
from lmsi_kedro.pipelines.warm_start.nodes import (
    add_warm_start,
    choose_warm_training,
    leave_out_evaluated,
    leave_out_worked,
    read_worked_examples,
)
from lmsi_kedro.wiring import namespaced

RENDERING = ("render_examples", "accumulate_examples", "balance_examples")


def create_pipeline() -> Pipeline:
    """The warm start by itself: warm_model, and metrics_warm, which compares it with the given model."""
    return Pipeline(
        [
            preparation.create_pipeline(),
            Pipeline(create_training(), inputs={"all_questions": "prepared_questions"}),
            create_evaluation("warm_model", 0, "base", "0"),
            create_comparison(),
        ]
    )


def start_warm(pipeline: Pipeline) -> Pipeline:
    """The pipeline, which has the preparation, with the warm start after it; metrics and report disclose it."""
    given = preparation.create_pipeline()
    rest = pipeline - given
    if "base_model" in rest.inputs():
        rest = Pipeline(rest, inputs={"base_model": "warm_model"})
    whole = Pipeline([create_separation(given), create_training(), rest])
    return disclosed(whole) if "metrics" in whole.all_outputs() else whole


def create_separation(given: Pipeline) -> Pipeline:
    """The preparation; the questions that the warm start teaches are taken out before they are checked."""
    whole = given.only_nodes("prepare_questions")
    separation = Node(
        leave_out_worked,
        inputs=["all_questions", "worked_examples", "worked_questions"],
        outputs=["prepared_questions", "warm_start_counts"],
        name="leave_out_worked",
    )
    renamed = Pipeline(whole, outputs={"prepared_questions": "all_questions"})
    return Pipeline([given - whole, renamed, separation])


def create_training() -> Pipeline:
    """warm_model: the base model trained on the worked examples that none of all_questions evaluates."""
    read = Node(
        read_worked_examples,
        inputs=["raw_worked_examples", "tasks"],
        outputs="worked_examples",
        name="read_worked_examples",
    )
    kept = Node(
        leave_out_evaluated,
        inputs=["worked_examples", "all_questions", "exemplars", "tasks"],
        outputs=["taught_warm", "worked_questions"],
        name="leave_out_evaluated",
    )
    chosen = Node(
        choose_warm_training,
        inputs=[
            "mixture",
            "base_model",
            "params:training",
            "params:warm_start_training",
            "preflight",
        ],
        outputs="training",
        name="choose_training",
    )
    rendering = mixing.create_pipeline().only_nodes(*RENDERING)
    renamed = {
        "taught": "taught_warm",
        "questions": "worked_questions",
        "previous_examples": "examples_0",
        "examples": "examples_warm",
        "tuned_model": "warm_model",
    }
    steps = Pipeline([rendering, chosen, fine_tuning.create_training()])
    shared = {"tasks", "exemplars", "base_model", "preflight"}
    return Pipeline([read, kept, namespaced(steps, "warm_start", shared, renamed)])


def create_comparison() -> Pipeline:
    """metrics_warm: the given model, which is the arm `given`, and the warm-started one."""
    compared = Node(
        compare,
        inputs=["predictions_given", "predictions_0", "tasks"],
        outputs="metrics_warm",
        name="compare_metrics_warm",
    )
    return Pipeline([create_evaluation("base_model", 0, "given", "given"), compared])


def disclosed(loop: Pipeline) -> Pipeline:
    """The loop, with the warm start in its metrics."""
    summary = loop.only_nodes("summarise_rounds")
    added = Node(
        add_warm_start,
        inputs=["loop_metrics", "warm_start_counts", "metrics_warm"],
        outputs="metrics",
        name="report_warm_start",
        tags="reporting",
    )
    renamed = Pipeline(summary, outputs={"metrics": "loop_metrics"})
    return Pipeline([loop - summary, renamed, create_comparison(), added])
