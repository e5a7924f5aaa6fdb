"""Fresh questions of every seed -> the pipeline `controls` on them -> pooled predictions -> tables and figures.

    seed_7001: questions -> round 1, all arms -> predictions      (and seed_7002, seed_7003)
    seed_7001: experiments on one seed only (extras.py), and a second round

Every seed runs the pipeline `controls` in its own namespace. Paths and trained models are stored, so a stopped run
can be resumed.
"""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.paper.summary import reproduce
from lmsi_kedro.params import CONTROL_ARMS
from lmsi_kedro.pipelines import self_improve
from lmsi_kedro.pipelines.reproduction.extras import (
    CURVES,
    EXTRAS,
    create_extras,
    votes_after,
)
from lmsi_kedro.pipelines.reproduction.nodes import (
    draw_questions,
    gather_verdicts,
    pool,
    render_page,
)
from lmsi_kedro.wiring import fixed, namespaced

OUTSIDE = {"raw_exemplars", "base_model", "student_model"}
# Names of models, and the suffixes of their predictions in `controls`.
MODELS = {"base": "0", "vote": "1"} | {str(arm): arm for arm in CONTROL_ARMS}
ONCE = {"second": "2", "untrained": "untrained"}
# Verdicts of the collapse monitor that exist only for the first seed, by trained model.
VERDICTS = {"second": "monitor_2", "student_vote": "monitor_student"}


def create_pipeline(seeds: Sequence[int], temperatures: Sequence[float]) -> Pipeline:
    """Makes reproduction.json and reproduction.html. Tables that use only one seed use the first."""
    first, *others = seeds
    once = [*ONCE, *EXTRAS, *votes_after(temperatures)]
    pooled = dict.fromkeys(MODELS, tuple(seeds)) | dict.fromkeys(once, (first,))
    return Pipeline(
        [
            create_first_seed(first, temperatures),
            *[create_seed(seed, create_controls(1), MODELS, {}) for seed in others],
            *[pooling(name, of) for name, of in pooled.items()],
            gathering(seeds),
            *summary(list(pooled), seeds, temperatures),
        ]
    )


def create_controls(rounds: int) -> Pipeline:
    return self_improve.create_pipeline(rounds, "none", CONTROL_ARMS, equal_compute=True)


def create_first_seed(seed: int, temperatures: Sequence[float]) -> Pipeline:
    """Creates the steps that every seed has and, in addition, a second round, an untrained vote and the extras."""
    votes = {name: name for name in votes_after(temperatures)}
    steps = Pipeline([create_controls(2), *create_extras(temperatures, seed)])
    others = {f"curve_{name}": f"curve_{name}" for name in CURVES}
    others |= {at: f"verdict_{name}_{seed}" for name, at in VERDICTS.items()}
    return create_seed(seed, steps, MODELS | ONCE | EXTRAS | votes, others)


def create_seed(
    seed: int, steps: Pipeline, models: dict[str, str], others: dict[str, str]
) -> Pipeline:
    """Runs steps on the questions of a seed; outputs are predictions_{model}_{seed}, verdicts and others."""
    world = Node(
        fixed(draw_questions, seed=seed),
        inputs=["params:world", "params:tasks"],
        outputs="raw_questions",
        name="draw_questions",
    )
    made = {f"predictions_{at}": f"predictions_{name}_{seed}" for name, at in models.items()}
    made |= others | {"monitor_1": f"verdict_vote_{seed}"}
    renamed = {"params:evaluation": "params:reproduction_evaluation"}
    needed = Pipeline([world, steps]).to_outputs(*made)
    return namespaced(needed, f"seed_{seed}", OUTSIDE, made | renamed)


def pooling(name: str, seeds: tuple[int, ...]) -> Node:
    return Node(
        fixed(pool, seeds=seeds),
        inputs=[f"predictions_{name}_{seed}" for seed in seeds],
        outputs=f"pooled_{name}",
        name=f"pool_{name}",
    )


def gathering(seeds: Sequence[int]) -> Node:
    rounds = (*[("vote", seed) for seed in seeds], *[(name, seeds[0]) for name in VERDICTS])
    return Node(
        fixed(gather_verdicts, rounds=rounds),
        inputs=[f"verdict_{model}_{seed}" for model, seed in rounds],
        outputs="verdicts",
        name="gather_verdicts",
    )


def summary(
    models: Sequence[str], seeds: Sequence[int], temperatures: Sequence[float]
) -> list[Node]:
    """Makes the tables, figures and findings, and the page."""
    gathered = fixed(reproduce, seeds=tuple(seeds), temperatures=tuple(temperatures))
    found = {name: f"pooled_{name}" for name in models}
    found |= {f"curve_{name}": f"curve_{name}" for name in CURVES}
    return [
        Node(
            gathered,
            inputs={"tasks": "params:tasks", "verdicts": "verdicts", **found},
            outputs="reproduction",
            name="compare_with_paper",
        ),
        Node(render_page, inputs="reproduction", outputs="reproduction_page", name="render_page"),
    ]
