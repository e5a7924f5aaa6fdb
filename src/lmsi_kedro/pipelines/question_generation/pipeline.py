"""seed_questions, model -> continuations -> drafts -> votes -> candidates, funnel -> generated_questions."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.question_generation.funnel import draft_candidates
from lmsi_kedro.pipelines.question_generation.nodes import (
    admit,
    choose_seeds,
    count_votes,
    open_candidates,
    plan_answers,
    plan_continuations,
    take_admitted,
)
from lmsi_kedro.reading import read_answers
from lmsi_kedro.wiring import sampled

GENERATION = "params:question_generation"


def create_pipeline() -> Pipeline:
    return Pipeline([*drafting(), *voting(), *admission()])


def seeds() -> Node:
    """Returns the few real questions from which questions and exemplars are generated."""
    return Node(
        choose_seeds,
        inputs=["questions", "tasks", GENERATION],
        outputs="seed_questions",
        name="choose_seeds",
    )


def drafting() -> list[Node]:
    """Samples continuations of the seeds and selects those that are new questions."""
    return [
        *sampled(
            plan_continuations,
            ["seed_questions", "base_model", "tasks", GENERATION, "params:engine"],
            "continuations",
        ),
        Node(
            draft_candidates,
            inputs=["continuations", "seed_questions", "questions", GENERATION],
            outputs="drafts",
            name="draft_candidates",
        ),
        Node(
            open_candidates, inputs="drafts", outputs="candidate_questions", name="open_candidates"
        ),
    ]


def voting() -> list[Node]:
    """Samples, parses and counts the answers to the candidates, as in a round."""
    return [
        *sampled(
            plan_answers,
            [
                "candidate_questions",
                "exemplars",
                "base_model",
                "tasks",
                "params:paths",
                GENERATION,
                "params:engine",
            ],
            "candidate_paths",
        ),
        Node(
            read_answers,
            inputs=["candidate_paths", "candidate_questions", "tasks", "params:voting"],
            outputs="candidate_readings",
            name="read_candidate_answers",
        ),
        Node(
            count_votes,
            inputs=["candidate_readings", "params:voting", GENERATION],
            outputs="candidate_votes",
            name="count_candidate_votes",
        ),
    ]


def admission() -> list[Node]:
    return [
        Node(
            admit,
            inputs=["drafts", "candidate_votes"],
            outputs=["candidates", "generation_funnel"],
            name="admit_candidates",
        ),
        Node(
            take_admitted,
            inputs="candidates",
            outputs="generated_questions",
            name="take_admitted",
        ),
    ]
