"""Experiments on the first seed only: votes over many paths, generated questions and exemplars, the smaller model.

All of them use the questions, exemplars, labels and round 1 of that seed.
"""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.pipelines import (
    distillation,
    evaluation,
    exemplar_generation,
    question_generation,
    self_improve,
)
from lmsi_kedro.pipelines.reproduction.nodes import (
    curve_of_questions,
    plan_votes,
    without_exemplars,
)
from lmsi_kedro.pipelines.self_improve.models import create_evaluation
from lmsi_kedro.pipelines.self_improve.pipeline import create_round
from lmsi_kedro.pipelines.self_improve_from_seeds.nodes import (
    name_exemplar_sets,
    replace_unlabeled,
)
from lmsi_kedro.wiring import fixed, namespaced, sampled

# Names of models, and the suffixes of their predictions in these pipelines.
EXTRAS = {
    "generated": "generated",
    "student": "student_0",
    "student_vote": "student_1",
    "distilled": "distilled",
    "before": "before",
}
CURVES = ("before", "after_0", "step_by_step", "own_exemplars")


def votes_after(temperatures: Sequence[float]) -> list[str]:
    """Returns the names of the trained model's votes, one for each temperature: after_0, after_1, ..."""
    return [f"after_{place}" for place in range(len(temperatures))]


def create_extras(temperatures: Sequence[float], seed: int) -> list[Pipeline]:
    """Creates all extras; the base model votes at the first temperature with given, no and generated exemplars."""
    first, *_ = temperatures
    votes = dict(zip(votes_after(temperatures), temperatures, strict=True))
    return [
        create_votes("before", "base_model", first, seed),
        create_votes("step_by_step", "base_model", first, seed, tasks="bare_tasks"),
        create_votes(
            "own_exemplars", "base_model", first, seed, "set_tasks", "generated_exemplars"
        ),
        *[create_votes(name, "model_1", temperature, seed) for name, temperature in votes.items()],
        create_prompts(),
        create_generated(),
        create_student(),
        create_teaching(),
    ]


def create_votes(
    name: str,
    model: str,
    temperature: float,
    seed: int,
    tasks: str = "tasks",
    exemplars: str = "exemplars",
) -> Pipeline:
    """Makes predictions_{name} and curve_{name} from a vote over many paths at one temperature."""
    plan = fixed(plan_votes, temperature=temperature)
    curve = fixed(curve_of_questions, seed=seed)
    inputs = ["questions", "exemplars", "model", "tasks"]
    steps = Pipeline(
        [
            *sampled(
                plan,
                [*inputs, "params:evaluation", "params:reproduction", "params:engine"],
                "evaluation_paths",
            ),
            evaluation.create_marking(0 if model == "base_model" else 1, name),
            Node(
                curve,
                ["evaluation_readings", "labels", "questions", "tasks"],
                "curve",
                name="measure_vote_curve",
            ),
        ]
    )
    renamed = {"model": model, "tasks": tasks, "exemplars": exemplars}
    made = {"predictions": f"predictions_{name}", "curve": f"curve_{name}"}
    return namespaced(steps, f"votes_{name}", {"questions", "labels"}, {**renamed, **made})


def create_prompts() -> Pipeline:
    """Makes tasks without exemplars, and with exemplars generated from the seeds (paper, section 5.2)."""
    return Pipeline(
        [
            question_generation.seeds(),
            exemplar_generation.create_pipeline(),
            Node(without_exemplars, "tasks", "bare_tasks", name="take_out_exemplars"),
            Node(name_exemplar_sets, "tasks", "set_tasks", name="name_exemplar_sets"),
        ]
    )


def create_generated() -> Pipeline:
    """Runs round 1 on questions generated from the seeds, with the same prompts (paper, section 5.2)."""
    replaced = Node(
        replace_unlabeled,
        inputs=["questions", "generated_questions"],
        outputs="mixed_questions",
        name="replace_unlabeled_questions",
    )
    trained = Pipeline(
        [create_round(1), create_evaluation("candidate_1", 1, "generated", "generated")]
    )
    shared = {"tasks", "exemplars", "labels", "base_model", "examples_0", "predictions_generated"}
    inner = trained.to_outputs("predictions_generated")
    on_them = namespaced(inner, "generated", shared, {"questions": "mixed_questions"})
    return Pipeline([question_generation.create_pipeline(), replaced, on_them])


def create_student() -> Pipeline:
    """Evaluates the smaller model before and after its own round."""
    own = self_improve.create_pipeline(1, arms=()).to_outputs(
        "predictions_0", "predictions_1", "monitor_1"
    )
    renamed = {
        "base_model": "student_model",
        "predictions_0": "predictions_student_0",
        "predictions_1": "predictions_student_1",
        "monitor_1": "monitor_student",
    }
    return namespaced(own, "student", {"raw_exemplars", "raw_questions"}, renamed)


def create_teaching() -> Pipeline:
    """Trains the smaller model on the examples of the larger one (paper, table 7)."""
    taught = distillation.create_pipeline(1).to_outputs("predictions_distilled")
    shared = {
        "raw_exemplars",
        "raw_questions",
        "student_model",
        "examples_1",
        "predictions_distilled",
    }
    return namespaced(taught, "teaching", shared, {})
