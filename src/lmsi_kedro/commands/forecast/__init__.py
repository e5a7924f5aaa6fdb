"""`lmsi forecast`: hours, tokens, examples and disk of a configured run, before it is started."""

import argparse
from typing import Any

from lmsi_kedro.commands.project import add_configuration, configured

SAMPLE = 200  # questions whose training examples are measured


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "forecast", help="what a run will cost, after measuring its engine for a minute"
    )
    add_configuration(command)
    command.add_argument("--pipeline", default="self_improve", choices=list(SHAPES))
    command.add_argument("--seconds", type=float, default=60.0, help="of measurement")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> str:
    return forecast(given.env, given.params, given.seconds, given.pipeline)


def forecast(env: str, params: str, seconds: float, pipeline: str = "self_improve") -> str:
    """A sentence per figure."""
    from lmsi_kedro.commands.forecast.cost import cost_of
    from lmsi_kedro.commands.forecast.measurement import measure

    with configured(env, params) as (catalog, given):
        plan, work, texts = planned(catalog, given, pipeline)
    measured = measure(plan, texts, seconds)
    return "\n".join(told(work, measured, cost_of(work, measured)))


def planned(
    catalog: Any, params: dict[str, Any], pipeline: str = "self_improve"
) -> tuple[Any, Any, list[str]]:
    """The sampling plan of round 1, all work of the run, and some training examples."""
    from lmsi_kedro.commands.forecast.cost import Work
    from lmsi_kedro.pipelines.evaluation.nodes import plan_evaluation
    from lmsi_kedro.pipelines.preparation.nodes import prepare
    from lmsi_kedro.pipelines.sampling.nodes import plan_paths
    from lmsi_kedro.tasks.questions import exemplars_of, prompts_of

    raw, loaders = catalog.load("raw_questions"), catalog.load("raw_exemplars")
    questions, exemplars, tasks = prepare(raw, loaders, params)
    tables = (questions, exemplars, catalog.load("base_model"), tasks)
    plan = plan_paths(*tables, params["paths"], params["engine"], params["voting"])
    asked = params["reproduction_evaluation" if pipeline == "reproduction" else "evaluation"]
    evaluation = plan_evaluation(*tables, asked, params["engine"])
    work = Work(
        **SHAPES[pipeline](params, len(tasks.in_domain)),
        paths=paths_of(plan),
        evaluation_paths=paths_of(evaluation),
        training_examples=params["training"].steps * params["training"].batch_size,
        workers=params["engine"].workers,
    )
    first = tasks.in_domain[0]
    asked = questions.filter(task=first).head(SAMPLE)
    texts = [
        prompt.text
        for format in params["mixing"].formats
        for prompt in prompts_of(asked, format, exemplars_of(exemplars, tasks[first])).values()
    ]
    return plan, work, texts


def of_loop(params: dict[str, Any], tasks: int) -> dict[str, int]:
    """self_improve: the base model and the arm random beside the rounds."""
    rounds = params["rounds"]
    return {
        "rounds": rounds,
        "models_evaluated": rounds + 2,
        "trainings": rounds + 1,
        "extra_paths": tasks * monitored(params, rounds + 1),
    }


def monitored(params: dict[str, Any], models: int) -> int:
    """The paths of a task that the monitor draws of so many models: m and the greedy one of each question."""
    monitor = params["monitor"]
    return int(models * monitor.questions_per_task * (monitor.m + 1))


def of_controls(params: dict[str, Any], tasks: int) -> dict[str, int]:
    """The same with more arms, and the untrained model's vote."""
    rounds, arms = params["rounds"], len(params["controls"].arms)
    untrained = params["evaluation"].voted_questions * params["controls"].most_paths
    return {
        "rounds": rounds,
        "models_evaluated": rounds + 1 + arms,
        "trainings": rounds + arms,
        "extra_paths": tasks * (untrained + monitored(params, rounds + 1)),
    }


def of_reproduction(params: dict[str, Any], tasks: int) -> dict[str, int]:
    """Round 1 and all five arms of every seed; once a second round, generated questions, a student, votes."""
    wanted = params["reproduction"]
    seeds, made = len(wanted.seeds), params["question_generation"]
    untrained = params["reproduction_evaluation"].voted_questions * params["controls"].most_paths
    votes = (3 + len(wanted.temperatures)) * wanted.questions * wanted.paths
    candidates = made.candidates * (1 + made.m)
    return {
        "rounds": seeds + 3,
        "models_evaluated": 7 * seeds + 5,
        "trainings": 6 * seeds + 4,
        "extra_paths": tasks * (untrained + votes + candidates + monitored(params, 2 * seeds + 3)),
    }


SHAPES = {"self_improve": of_loop, "controls": of_controls, "reproduction": of_reproduction}


def paths_of(plan: Any) -> int:
    return sum(len(request.paths) for chunk in plan.chunks.values() for request in chunk.requests)


def told(work: Any, measured: Any, cost: Any) -> list[str]:
    """The measurement, then what follows from it."""
    rate = measured.tokens / measured.seconds
    return [
        f"measured: {measured.paths:,} paths in {measured.seconds:.0f} s, {rate:,.0f} tokens/s a worker, "
        f"{measured.tokens / measured.paths:.0f} tokens a path, {measured.parameters / 1e6:,.1f} M parameters",
        f"sampling: {work.rounds * work.paths:,} paths to learn from and {work.models_evaluated} x "
        f"{work.evaluation_paths:,} + {work.extra_paths:,} to evaluate, {cost.tokens:,} tokens, "
        f"{cost.sampling_hours:,.2f} h with {work.workers} workers",
        f"training: {work.trainings} x {cost.examples_per_training:,} examples, {cost.training_tokens:,} tokens, "
        f"about {cost.training_hours:,.2f} h on one device",
        f"in all about {cost.device_hours:,.2f} device hours and {cost.disk_gib:,.2f} GiB of disk",
    ]
