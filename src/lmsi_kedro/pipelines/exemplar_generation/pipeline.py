"""seed_questions, model -> seed_paths -> worked_seeds -> generated_exemplars."""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines.exemplar_generation.nodes import (
    compose_sets,
    plan_worked_seeds,
    read_worked_seeds,
)
from lmsi_kedro.wiring import sampled


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            *sampled(
                plan_worked_seeds,
                ["seed_questions", "base_model", "params:paths", "params:engine", "tasks"],
                "seed_paths",
            ),
            Node(
                read_worked_seeds,
                inputs=["seed_paths", "seed_questions", "tasks", "params:voting"],
                outputs="worked_seeds",
                name="read_worked_seeds",
            ),
            Node(
                compose_sets,
                inputs=["worked_seeds", "seed_questions", "params:exemplar_generation"],
                outputs="generated_exemplars",
                name="compose_exemplar_sets",
            ),
        ]
    )
