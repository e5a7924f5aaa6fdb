"""given_questions -> seeds -> generated exemplars and questions -> the same rounds, evaluation and report.

The given `questions`, `exemplars` and `tasks` are renamed, and those generated from the seeds take their names, so
the loop has the same nodes as `self_improve`. Evaluation uses the given held-out questions with the generated
exemplars.
"""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import Guard, HeadroomParams, Objective
from lmsi_kedro.pipelines import (
    exemplar_generation,
    preparation,
    question_generation,
    self_improve,
)
from lmsi_kedro.pipelines.preparation.pipeline import checks
from lmsi_kedro.pipelines.self_improve_from_seeds.nodes import (
    add_funnel,
    name_exemplar_sets,
    replace_unlabeled,
)

RENAMED = "tasks prepared_questions exemplars fitting_questions model_findings questions preflight"
GIVEN = {name: f"given_{name}" for name in RENAMED.split()}


def create_pipeline(
    rounds: int,
    guard: Guard = "none",
    headroom: HeadroomParams | None = None,
    objective: Objective = "sft",
) -> Pipeline:
    """Creates the loop on the generated questions; its metrics also contain the funnel."""
    preparing = preparation.create_pipeline()
    loop = (
        self_improve.create_pipeline(rounds, guard, headroom=headroom, objective=objective)
        - preparing
    )
    summary = loop.only_nodes("summarise_rounds")
    funnel = Node(
        add_funnel,
        inputs=["loop_metrics", "generation_funnel"],
        outputs="metrics",
        name="report_generation",
        tags="reporting",
    )
    return Pipeline(
        [
            Pipeline(preparing, outputs=GIVEN),
            generation(),
            loop - summary,
            Pipeline(summary, outputs={"metrics": "loop_metrics"}),
            funnel,
        ]
    )


def generation() -> Pipeline:
    """Generates tasks, exemplars and questions, and checks them like given ones."""
    mapping = {"questions": GIVEN["questions"]}
    seeds = Pipeline([question_generation.seeds()], inputs=mapping)
    exemplars = exemplar_generation.create_pipeline()
    renamed = Node(name_exemplar_sets, GIVEN["tasks"], "tasks", name="name_exemplar_sets")
    replaced = Node(
        replace_unlabeled,
        inputs=[GIVEN["questions"], "generated_questions"],
        outputs="prepared_questions",
        name="replace_unlabeled_questions",
    )
    return Pipeline(
        [
            renamed,
            seeds,
            Pipeline(exemplars, outputs={"generated_exemplars": "exemplars"}),
            Pipeline(question_generation.create_pipeline(), inputs=mapping),
            replaced,
            *checks("generated_"),
        ]
    )
