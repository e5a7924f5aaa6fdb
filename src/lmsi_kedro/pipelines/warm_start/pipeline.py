"""raw_worked_examples -> worked_examples -> taught_warm -> examples_warm -> mixture -> warm_model.

The nodes of mixing render the examples in the same way as sampled paths, and fine_tuning trains on them.
`start_warm` inserts this into a pipeline of the loop, which then uses warm_model in place of base_model.
"""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.pipelines import fine_tuning, mixing, preparation
from lmsi_kedro.pipelines.self_improve.models import create_evaluation
from lmsi_kedro.pipelines.warm_start.nodes import (
    add_warm_start,
    choose_warm_training,
    leave_out_evaluated,
    leave_out_worked,
    read_worked_examples,
)
from lmsi_kedro.wiring import namespaced


def create_pipeline() -> Pipeline:
    """Creates the warm start alone: warm_model, and metrics_warm, which compares it with the given model."""
    return Pipeline(
        [
            preparation.create_pipeline(),
            Pipeline(create_training(), inputs={"all_questions": "prepared_questions"}),
            create_evaluation("warm_model", 0, "base", "0"),
            create_comparison(),
        ]
    )


def start_warm(pipeline: Pipeline) -> Pipeline:
    """Inserts a warm start after the preparation of a pipeline; metrics and report disclose it."""
    preparing = preparation.create_pipeline()
    rest = pipeline - preparing
    if "base_model" in rest.inputs():
        rest = Pipeline(rest, inputs={"base_model": "warm_model"})
    whole = Pipeline([create_separation(preparing), create_training(), rest])
    return disclosed(whole) if "metrics" in whole.all_outputs() else whole


def create_separation(preparing: Pipeline) -> Pipeline:
    """Removes the questions that the warm start trains on, before the checks of the preparation."""
    whole = preparing.only_nodes("prepare_questions")
    separation = Node(
        leave_out_worked,
        inputs=["all_questions", "worked_examples", "worked_questions"],
        outputs=["prepared_questions", "warm_start_counts"],
        name="leave_out_worked",
    )
    renamed = Pipeline(whole, outputs={"prepared_questions": "all_questions"})
    return Pipeline([preparing - whole, renamed, separation])


def create_training() -> Pipeline:
    """Trains warm_model: the base model on the worked examples that are not held-out or probe questions."""
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
    renamed = {
        "taught": "taught_warm",
        "questions": "worked_questions",
        "previous_examples": "examples_0",
        "examples": "examples_warm",
        "tuned_model": "warm_model",
    }
    steps = Pipeline([mixing.create_rendering(), chosen, fine_tuning.create_training()])
    shared = {"tasks", "exemplars", "base_model", "preflight"}
    return Pipeline([read, kept, namespaced(steps, "warm_start", shared, renamed)])


def create_comparison() -> Pipeline:
    """Compares the given model (arm `given`) with the warm-started one."""
    compared = Node(
        compare,
        inputs=["predictions_given", "predictions_0", "tasks"],
        outputs="metrics_warm",
        name="compare_metrics_warm",
    )
    return Pipeline([create_evaluation("base_model", 0, "given", "given"), compared])


def disclosed(loop: Pipeline) -> Pipeline:
    """Adds the warm start to the metrics of the loop."""
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
