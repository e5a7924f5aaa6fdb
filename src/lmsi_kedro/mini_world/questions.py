"""Makes questions of the mini world: unlabeled ones for in-domain tasks, held-out and probe ones for all tasks."""

from random import Random
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.params import WorldParams
from lmsi_kedro.mini_world.problems import Problem, generate_problem
from lmsi_kedro.tasks import Tasks


def make_questions(world: WorldParams, tasks: Tasks) -> pl.DataFrame:
    """Makes raw_questions, all with answers; only the control arm gold uses the answers of unlabeled questions."""
    counts = {"unlabeled": world.unlabeled, "held_out": world.held_out, "probe": world.probe}
    rows = [
        {"split": split, **fields(problem)}
        for name, task in tasks.root.items()
        for split, count in counts.items()
        if task.in_domain or split != "unlabeled"
        for problem in generate_distinct(name, split, count, world.seed)
    ]
    return pl.DataFrame(rows, schema=schemas.RAW_QUESTIONS)


def make_exemplars(world: WorldParams, tasks: Tasks) -> dict[str, list[dict[str, Any]]]:
    """Makes the exemplar sets that the tasks use, with rationales by careful authors."""
    sets = {}
    for name in dict.fromkeys(task.exemplar_set for task in tasks.root.values()):
        if name is not None:
            rng = Random(f"{world.seed} {name} rationales")
            problems = generate_distinct(name, "exemplars", world.exemplars, world.seed)
            sets[name] = [worked(problem, rng) for problem in problems]
    return sets


def worked(problem: Problem, rng: Random) -> dict[str, Any]:
    """Converts a problem to an entry of an exemplar file."""
    exemplar = {
        "question": problem.question,
        "choices": list(problem.choices),
        "rationale": problem.careful(rng),
        "answer": problem.answer,
    }
    return exemplar | ({"context": problem.context} if problem.context else {})


def generate_distinct(task: str, split: str, count: int, seed: int) -> list[Problem]:
    """Generates `count` problems that differ in more than names."""
    rng = Random(f"{seed} {task} {split}")
    problems: dict[tuple[str, tuple[int, ...]], Problem] = {}
    while len(problems) < count:
        problem = generate_problem(FAMILIES[task], split, rng)
        problems.setdefault((problem.template, problem.slots), problem)
    return list(problems.values())


def fields(problem: Problem) -> dict[str, Any]:
    """Converts a problem to the fields of a question file."""
    return {
        "task": problem.task,
        "question": problem.question,
        "context": problem.context,
        "choices": list(problem.choices) or None,
        "answer": [problem.answer],
    }
