"""raw_questions and exemplar files -> tasks, questions, labels, exemplars, examples_0; the model is checked."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.preparation.labels import (
    prepare_gold_labels,
    prepare_labels,
    read_labels,
)
from lmsi_kedro.pipelines.preparation.machine import check_machine
from lmsi_kedro.pipelines.preparation.nodes import (
    choose_tasks,
    prepare_exemplars,
    prepare_questions,
    start_accumulation,
)
from lmsi_kedro.pipelines.preparation.preflight import check_model


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                choose_tasks,
                inputs=["raw_questions", "raw_exemplars", "params:tasks", "params:prompts"],
                outputs="tasks",
                name="choose_tasks",
            ),
            Node(
                read_labels,
                inputs=["raw_questions", "tasks"],
                outputs="checked_questions",
                name="read_labels",
            ),
            Node(
                prepare_questions,
                inputs=["checked_questions", "tasks", "params:preparation"],
                outputs="prepared_questions",
                name="prepare_questions",
            ),
            *checks(),
            *labels(),
            Node(
                prepare_exemplars,
                inputs="raw_exemplars",
                outputs="exemplars",
                name="prepare_exemplars",
            ),
            Node(
                start_accumulation,
                inputs=None,
                outputs="examples_0",
                name="start_accumulation",
            ),
        ]
    )


def labels() -> list[Node]:
    """Stores the labels of held-out and probe questions, and separately the gold_labels of unlabeled ones."""
    return [
        Node(
            prepare_labels,
            inputs=["checked_questions", "questions"],
            outputs="labels",
            name="prepare_labels",
        ),
        Node(
            prepare_gold_labels,
            inputs=["checked_questions", "questions"],
            outputs="gold_labels",
            name="prepare_gold_labels",
        ),
    ]


def checks(of: str = "") -> list[Node]:
    """Checks that the questions fit the model, and that the machine can run it; of: a prefix of the node names."""
    return [
        Node(
            check_model,
            inputs=[
                "prepared_questions",
                "exemplars",
                "base_model",
                "tasks",
                "params:paths",
                "params:evaluation",
                "params:training",
                "params:engine",
            ],
            outputs=["fitting_questions", "model_findings"],
            name=f"check_{of}model",
        ),
        Node(
            check_machine,
            inputs=["fitting_questions", "model_findings", "base_model", "params:engine"],
            outputs=["questions", "preflight"],
            name=f"check_{of}machine",
        ),
    ]
