"""seeds -> generated exemplars, generated questions -> the same rounds, evaluation and report.

The loop is that of `self_improve`: only the datasets that feed it are others. Evaluation asks the same held-out
questions, with the generated exemplars too.
"""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Guard
from lmsi_kedro.pipelines import (
    exemplar_generation,
    preparation,
    question_generation,
    self_improve,
)
from lmsi_kedro.pipelines.preparation.preflight import check_model
from lmsi_kedro.pipelines.self_improve_from_seeds.nodes import (
    add_funnel,
    name_exemplar_sets,
    replace_unlabeled,
)

MADE = {"exemplars": "generated_exemplars", "tasks": "seeded_tasks"}


def create_pipeline(rounds: int, guard: Guard = "none") -> Pipeline:
    """The loop after preparation, on what the model made of the seeds; metrics also have the funnel."""
    loop = self_improve.create_pipeline(rounds, guard) - preparation.create_pipeline()
    summary = loop.only_nodes("summarise")
    funnel = Node(
        add_funnel, ["loop_metrics", "generation_funnel"], "metrics", name="report_generation"
    )
    return Pipeline(
        [
            preparation.create_pipeline(),
            *generation(),
            Pipeline(loop - summary, inputs={**MADE, "questions": "seeded_questions"}),
            Pipeline(summary, outputs={"metrics": "loop_metrics"}),
            funnel,
        ]
    )


def generation() -> list[Pipeline | Node]:
    """seeded_tasks, seeded_questions and generated_exemplars."""
    return [
        question_generation.seeds(),
        Node(name_exemplar_sets, inputs="tasks", outputs="seeded_tasks", name="name_exemplar_sets"),
        exemplar_generation.create_pipeline(),
        Pipeline(question_generation.create_pipeline(), inputs=MADE),
        Node(
            replace_unlabeled,
            inputs=["questions", "generated_questions"],
            outputs="unchecked_questions",
            name="replace_unlabeled_questions",
        ),
        Node(
            check_model,
            inputs=[
                "unchecked_questions",
                "generated_exemplars",
                "base_model",
                "seeded_tasks",
                "params:paths",
                "params:evaluation",
                "params:engine",
            ],
            outputs=["seeded_questions", "seeded_preflight"],
            name="check_model_from_seeds",
        ),
    ]
