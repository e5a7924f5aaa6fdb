"""Every registered pipeline, written out by hand."""

from kedro.pipeline import Pipeline

from lmsi_kedro.hooks import ShapeHook
from lmsi_kedro.mini_world.pipeline import create_models, create_world
from lmsi_kedro.pipelines import (
    distillation,
    exemplar_generation,
    methods,
    preparation,
    public_tasks,
    question_generation,
    reproduction,
    self_improve,
    self_improve_from_seeds,
    voting,
    warm_start,
)
from lmsi_kedro.pipelines.self_improve.pipeline import (
    create_evaluation,
    create_headroom,
    create_steps,
)


def register_pipelines() -> dict[str, Pipeline]:
    """self_improve is all rounds and the report; the steps are slices of round 1.

    Each begins with the preparation and, but for the sampling, with the stored paths of its plan. The tables after
    these are made anew, so that none is read that other files or parameters made.
    """
    before = preparation.create_pipeline()
    seeded = before + Pipeline([question_generation.seeds()])
    measured, objective = ShapeHook.headroom, ShapeHook.objective
    loops = {
        "self_improve": self_improve.create_pipeline(
            ShapeHook.rounds, ShapeHook.guard, measured=measured, objective=objective
        ),
        "sampling": before + create_steps("sampling"),
        "voting": before + create_steps("voting"),
        "mixing": before + create_steps("voting", "mixing", objective=objective),
        "fine_tuning": before
        + create_steps("voting", "mixing", "fine_tuning", objective=objective),
        "evaluation": before + create_evaluation("base_model", 0, "base", "0"),
        "headroom": before
        + create_steps("sampling", "voting")
        + create_headroom(measured is not None and measured.probe),
        "methods": methods.create_pipeline(),
        "controls": self_improve.create_pipeline(
            ShapeHook.rounds, ShapeHook.guard, ShapeHook.arms, True, measured, objective
        ),
    }
    if ShapeHook.warm:
        loops = {name: warm_start.start_warm(loop) for name, loop in loops.items()}
    seeds = self_improve_from_seeds.create_pipeline(
        ShapeHook.rounds, ShapeHook.guard, measured, objective
    )
    if ShapeHook.reader:
        seeds = voting.with_reader(seeds)
        loops = {name: voting.with_reader(loop) for name, loop in loops.items()}
    return {
        "__default__": loops["self_improve"],
        **loops,
        "reporting": loops["self_improve"].only_nodes_with_tags("reporting"),
        "warm_start": warm_start.create_pipeline(),
        "question_generation": seeded + question_generation.create_pipeline(),
        "exemplar_generation": seeded + exemplar_generation.create_pipeline(),
        "self_improve_from_seeds": seeds,
        "distillation": distillation.create_pipeline(ShapeHook.rounds),
        "reproduction": reproduction.create_pipeline(**ShapeHook.reproduction),
        "public_tasks": public_tasks.create_pipeline(ShapeHook.benchmarks),
        "mini_world": create_world(),
        "base_model": create_models(),
    }
