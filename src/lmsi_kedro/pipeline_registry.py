"""Registers every pipeline by hand."""

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
from lmsi_kedro.pipelines.self_improve.headroom import create_headroom
from lmsi_kedro.pipelines.self_improve.models import create_evaluation
from lmsi_kedro.pipelines.self_improve.slices import create_steps


def register_pipelines() -> dict[str, Pipeline]:
    """Returns all pipelines by name; self_improve is the whole loop, and the steps are parts of round 1.

    Each step begins with the preparation and, except for sampling, uses the stored paths of its plan. All later
    tables are computed again, so that no table of earlier files or parameters is used.
    """
    before = preparation.create_pipeline()
    seeded = before + Pipeline([question_generation.seeds()])
    headroom, objective = ShapeHook.headroom, ShapeHook.objective
    loops = {
        "self_improve": self_improve.create_pipeline(
            ShapeHook.rounds, ShapeHook.guard, headroom=headroom, objective=objective
        ),
        "sampling": before + create_steps("sampling"),
        "voting": before + create_steps("voting"),
        "mixing": before + create_steps("voting", "mixing", objective=objective),
        "fine_tuning": before
        + create_steps("voting", "mixing", "fine_tuning", objective=objective),
        "evaluation": before + create_evaluation("base_model", 0, "base", "0"),
        "headroom": before
        + create_steps("sampling", "voting")
        + create_headroom(headroom is not None and headroom.probe),
        "methods": methods.create_pipeline(),
        "controls": self_improve.create_pipeline(
            ShapeHook.rounds, ShapeHook.guard, ShapeHook.arms, True, headroom, objective
        ),
    }
    if ShapeHook.warm:
        loops = {name: warm_start.start_warm(loop) for name, loop in loops.items()}
    seeds = self_improve_from_seeds.create_pipeline(
        ShapeHook.rounds, ShapeHook.guard, headroom, objective
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
