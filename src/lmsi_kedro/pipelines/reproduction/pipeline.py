"""Fresh questions of every seed -> the pipeline `controls` on them -> pooled predictions -> tables and figures.

    seed_3001: questions -> round 1, all arms -> predictions      (and seed_3002, seed_3003)
    seed_3001: votes over many paths, by temperature; the smaller model, its own round and distillation

Every seed is the pipeline `controls` under a namespace. What is costly is stored, paths in chunks and trained
models by their content, so that a run that was stopped goes on where it was.
"""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.params import CONTROL_ARMS
from lmsi_kedro.pipelines import distillation, evaluation, self_improve
from lmsi_kedro.pipelines.namespaces import namespaced
from lmsi_kedro.pipelines.reproduction.nodes import (
    curve_of_questions,
    draw_questions,
    plan_votes,
    pool,
    render_page,
)
from lmsi_kedro.pipelines.reproduction.summary import reproduce

OUTSIDE = {"raw_exemplars", "base_model", "student_model"}
MODELS = {"base": "0", "vote": "1", "untrained": "untrained"} | {
    str(arm): arm for arm in CONTROL_ARMS
}
SMALL = {"student": "student_0", "student_vote": "student_1", "distilled": "distilled"}


def create_pipeline(seeds: Sequence[int], temperatures: Sequence[float], student: bool) -> Pipeline:
    """reproduction.json and reproduction.html. The first seed has the tables that need one seed alone.

    student: with the smaller model `student_model`.
    """
    first, *others = seeds
    extras = [create_votes("base_model", "before", temperatures[0], first)]
    extras += [
        create_votes("model_1", f"after_{place}", heat, first)
        for place, heat in enumerate(temperatures)
    ]
    extras += create_student() if student else []
    votes = ["before", *(f"after_{place}" for place in range(len(temperatures)))]
    once = [*votes, *(SMALL if student else [])]
    pooled = dict.fromkeys(MODELS, tuple(seeds)) | dict.fromkeys(once, (first,))
    return Pipeline(
        [
            create_seed(first, Pipeline(extras), once),
            *[create_seed(seed, Pipeline([]), []) for seed in others],
            *[pooling(name, of) for name, of in pooled.items()],
            *summary(list(pooled), seeds, temperatures),
        ]
    )


def create_seed(seed: int, extras: Pipeline, extra: Sequence[str]) -> Pipeline:
    """The questions of a seed, and the pipeline controls on them; predictions_{model}_{seed} come out."""
    world = Node(
        update_wrapper(partial(draw_questions, seed=seed), draw_questions),
        inputs=["params:world", "params:tasks"],
        outputs="raw_questions",
        name="draw_questions",
    )
    controls = self_improve.create_pipeline(1, "none", CONTROL_ARMS, equal_compute=True)
    wanted = [f"predictions_{suffix}" for suffix in MODELS.values()]
    renamed = {f"predictions_{suffix}": f"predictions_{m}_{seed}" for m, suffix in MODELS.items()}
    renamed |= {f"predictions_{name}": f"predictions_{name}_{seed}" for name in extra}
    renamed |= {f"predictions_{SMALL[m]}": f"predictions_{m}_{seed}" for m in extra if m in SMALL}
    renamed |= {f"curve_{name}": f"curve_{name}" for name in extra}
    steps = Pipeline([world, controls.to_outputs(*wanted), extras])
    return namespaced(steps, f"seed_{seed}", OUTSIDE, renamed)


def create_votes(model: str, suffix: str, temperature: float, seed: int) -> Pipeline:
    """predictions_{suffix} and curve_{suffix}: a vote of many paths at a temperature."""
    plan = update_wrapper(partial(plan_votes, temperature=temperature), plan_votes)
    curve = update_wrapper(partial(curve_of_questions, seed=seed), curve_of_questions)
    steps = Pipeline(
        [
            Node(
                plan,
                inputs=[
                    "questions",
                    "exemplars",
                    "model",
                    "tasks",
                    "params:evaluation",
                    "params:reproduction",
                    "params:engine",
                ],
                outputs="evaluation_paths",
                name="sample_votes",
            ),
            evaluation.create_marking(0 if model == "base_model" else 1, suffix),
            Node(
                curve,
                inputs=["evaluation_readings", "labels", "questions", "tasks"],
                outputs="curve",
                name="curve_of_questions",
            ),
        ]
    )
    shared = {"questions", "exemplars", "tasks", "labels"}
    renamed = {
        "model": model,
        "predictions": f"predictions_{suffix}",
        "curve": f"curve_{suffix}",
    }
    return namespaced(steps, f"votes_{suffix}", shared, renamed)


def create_student() -> list[Pipeline]:
    """The smaller model: a round of its own, and distillation from the examples of the larger one."""
    own = self_improve.create_pipeline(1).to_outputs("predictions_0", "predictions_1")
    renamed = {
        "base_model": "student_model",
        "predictions_0": "predictions_student_0",
        "predictions_1": "predictions_student_1",
    }
    taught = distillation.create_pipeline(1).to_outputs("predictions_distilled")
    return [
        namespaced(own, "student", {"raw_exemplars", "raw_questions"}, renamed),
        namespaced(
            taught,
            "teaching",
            {
                "raw_exemplars",
                "raw_questions",
                "student_model",
                "examples_1",
                "predictions_distilled",
            },
            {},
        ),
    ]


def pooling(name: str, seeds: tuple[int, ...]) -> Node:
    return Node(
        update_wrapper(partial(pool, seeds=seeds), pool),
        inputs=[f"predictions_{name}_{seed}" for seed in seeds],
        outputs=f"pooled_{name}",
        name=f"pool_{name}",
    )


def summary(
    models: Sequence[str], seeds: Sequence[int], temperatures: Sequence[float]
) -> list[Node]:
    """Tables, figures and findings, and the page."""
    gathered = partial(reproduce, seeds=tuple(seeds), temperatures=tuple(temperatures))
    inputs = {name: f"pooled_{name}" for name in models}
    curves = {"curve_before": "curve_before", "curve_after": "curve_after_0"}
    return [
        Node(
            update_wrapper(gathered, reproduce),
            inputs={"tasks": "params:tasks", **curves, **inputs},
            outputs="reproduction",
            name="reproduce",
        ),
        Node(render_page, inputs="reproduction", outputs="reproduction_page", name="render_page"),
    ]
