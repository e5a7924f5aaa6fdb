"""`lmsi forecast`: estimates time, tokens, examples and disk of a configured run before it is started."""

import argparse
from typing import Any

from lmsi_kedro.commands.project import add_configuration, configured, registered
from lmsi_kedro.printable import counted


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "forecast", help="estimate the cost of a run after measuring its engine for some seconds"
    )
    add_configuration(command)
    command.add_argument(
        "--pipelines",
        default="self_improve",
        help="pipelines to forecast, such as controls,distillation",
    )
    command.add_argument("--seconds", type=float, default=10.0, help="duration of the measurement")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> str:
    with configured(args.env, args.params) as (catalog, _):
        lines, _ = forecast(args.pipelines, catalog, args.seconds)
    return "\n".join(lines)


def forecast(pipelines: str, catalog: Any, seconds: float) -> tuple[list[str], Any]:
    """Returns the estimates in lines of text, and as a cost.Cost."""
    from lmsi_kedro.commands.dry_run import dry_run, work_of
    from lmsi_kedro.commands.forecast.cost import cost_of
    from lmsi_kedro.commands.forecast.measurement import measure
    from lmsi_kedro.commands.forecast.work import count, example_texts, first_plan

    nodes = work_of(registered(pipelines))
    datasets = dry_run(nodes, catalog)
    work, plan = count(nodes, datasets), first_plan(nodes, datasets)
    measured = measure(plan, example_texts(nodes, datasets), seconds)
    cost = cost_of(work, measured)
    return described(work, measured, cost), cost


def described(work: Any, measured: Any, cost: Any) -> list[str]:
    """Returns the measurement, then the estimates."""
    from lmsi_kedro.stages import duration

    return [
        f"measured: {measured.tokens_per_second:,.0f} tokens/s with {counted(work.workers, 'worker')}, started in "
        f"{measured.start_seconds:.0f} s, {measured.tokens / measured.paths:.0f} tokens a path, "
        f"{measured.parameters / 1e6:,.1f} M parameters",
        f"sampling: {work.paths:,} paths to learn from and {work.other_paths:,} others, "
        f"{cost.tokens:,} tokens, about {duration(cost.sampling_seconds)}",
        f"training: {counted(len(work.examples), 'model')}, {sum(work.examples):,} examples, "
        f"{cost.training_tokens:,} tokens, about {duration(cost.training_seconds)} "
        f"on {counted(work.processes, 'process')}",
        f"in all about {duration(cost.seconds)} and {cost.disk_gib:,.2f} GiB of disk",
    ]
