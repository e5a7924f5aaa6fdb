"""`lmsi forecast`: hours, tokens, examples and disk of a configured run, before it is started."""

import argparse
from typing import Any

from lmsi_kedro.commands.project import add_configuration, configured


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "forecast", help="what a run will cost, after measuring its engine for a minute"
    )
    add_configuration(command)
    command.add_argument("--pipeline", default="self_improve", help="any that samples")
    command.add_argument("--seconds", type=float, default=60.0, help="of measurement")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> str:
    with configured(given.env, given.params) as (catalog, _):
        lines, _ = forecast(given.pipeline, catalog, given.seconds)
    return "\n".join(lines)


def forecast(pipeline: str, catalog: Any, seconds: float) -> tuple[list[str], Any]:
    """A sentence per figure, and the cost.Cost of it."""
    from kedro.framework.project import pipelines

    from lmsi_kedro.commands.dry_run import dry_run, work_of
    from lmsi_kedro.commands.forecast.cost import cost_of
    from lmsi_kedro.commands.forecast.measurement import measure
    from lmsi_kedro.commands.forecast.work import count, example_texts, first_plan

    nodes = work_of(pipelines[pipeline])
    known = dry_run(nodes, catalog)
    work, plan = count(nodes, known), first_plan(nodes, known)
    measured = measure(plan, example_texts(nodes, known), seconds)
    cost = cost_of(work, measured)
    return told(work, measured, cost), cost


def told(work: Any, measured: Any, cost: Any) -> list[str]:
    """The measurement, then what follows from it."""
    rate = measured.tokens / measured.seconds
    return [
        f"measured: {measured.paths:,} paths in {measured.seconds:.0f} s, {rate:,.0f} tokens/s a worker, "
        f"{measured.tokens / measured.paths:.0f} tokens a path, {measured.parameters / 1e6:,.1f} M parameters",
        f"sampling: {work.paths:,} paths to learn from and {work.other_paths:,} for all else, "
        f"{cost.tokens:,} tokens, {cost.sampling_hours:,.2f} h with {work.workers} workers",
        f"training: {len(work.examples)} models, {sum(work.examples):,} examples, "
        f"{cost.training_tokens:,} tokens, about {cost.training_hours:,.2f} h on one device",
        f"in all about {cost.device_hours:,.2f} device hours and {cost.disk_gib:,.2f} GiB of disk",
    ]
