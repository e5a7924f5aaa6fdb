"""Generates fresh questions, samples additional paths for the tables, and pools predictions over seeds."""

from typing import Any

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.evaluation.curves import tallies
from lmsi_kedro.mini_world.params import WorldParams
from lmsi_kedro.mini_world.questions import make_questions
from lmsi_kedro.params import EngineParams, EvaluationParams, ReproductionParams
from lmsi_kedro.pipelines.evaluation.nodes import plan_evaluation
from lmsi_kedro.report.render import render_reproduction
from lmsi_kedro.tasks import Tasks

KS = (1, 2, 4, 5, 8, 10, 15, 16, 32, 64)  # the paper makes claims about 5, 15 and 32


def draw_questions(world: WorldParams, tasks: Tasks, seed: int) -> pl.DataFrame:
    """Generates the questions of a seed that was not used to choose any setting."""
    return make_questions(world.model_copy(update={"seed": seed}), tasks)


def plan_votes(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    evaluation: EvaluationParams,
    reproduction: ReproductionParams,
    engine: EngineParams,
    temperature: float,
) -> Plan:
    """Plans reproduction.paths paths for in-domain questions at the given temperature."""
    in_domain = Tasks({name: tasks[name] for name in tasks.in_domain})
    changed = {
        "modes": ["self_consistency"],
        "temperature": temperature,
        "m": reproduction.paths,
        "voted_questions": reproduction.questions,
    }
    settings = evaluation.model_copy(update=changed)
    return plan_evaluation(questions, exemplars, model, in_domain, settings, engine)


def without_exemplars(tasks: Tasks) -> Tasks:
    """Returns the tasks with zero-shot prompts ("Let's think step by step.")."""
    zero_shot = {
        name: task.model_copy(update={"exemplar_set": None}) for name, task in tasks.root.items()
    }
    return Tasks(zero_shot)


def curve_of_questions(
    readings: pl.DataFrame, labels: pl.DataFrame, questions: pl.DataFrame, tasks: Tasks, seed: int
) -> pl.DataFrame:
    """Computes maj@k and pass@k of every question, exactly, over all k-subsets of its paths."""
    rows = [
        (seed, question, k, group.maj(k), group.passes(k))
        for question, group in tallies(readings, labels, questions, tasks).items()
        for k in KS
        if k <= group.paths
    ]
    schema = {"seed": pl.Int64, "question_id": pl.String, "k": pl.Int64, "maj": pl.Float64}
    return pl.DataFrame(rows, schema={**schema, "pass": pl.Float64}, orient="row")


def pool(*predictions: pl.DataFrame, seeds: tuple[int, ...]) -> pl.DataFrame:
    """Pools one model's predictions over all seeds; the column `seed` becomes the seed of the questions."""
    named = zip(predictions, seeds, strict=True)
    return pl.concat([made.with_columns(seed=pl.lit(seed, pl.Int64)) for made, seed in named])


def gather_verdicts(
    *verdicts: dict[str, Any], rounds: tuple[tuple[str, int], ...]
) -> list[dict[str, Any]]:
    """Collects the verdicts of the collapse monitor on each round."""
    shown = ("promoted", "alarms", "doubts")
    return [
        {"model": model, "seed": seed} | {name: verdict[name] for name in shown}
        for (model, seed), verdict in zip(rounds, verdicts, strict=True)
    ]


def render_page(reproduction: dict[str, Any]) -> str:
    """Renders reproduction.html."""
    return render_reproduction(reproduction)
