"""`lmsi doctor`: checks everything that could stop a run, and forecasts the cost of the run."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmsi_kedro.commands.forecast import forecast
from lmsi_kedro.commands.project import add_configuration, configured


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "doctor", help="check machine and configuration, and forecast the run"
    )
    add_configuration(command)
    command.add_argument(
        "--seconds", type=float, default=10.0, help="duration of the forecast's measurement"
    )
    command.set_defaults(run=lambda args: doctor(args.env, args.params, args.seconds))


def doctor(env: str, params: str, seconds: float) -> str:
    """Prints each finding as soon as it is known; raises ValueError if a check failed."""
    failures = 0
    for finding in findings(env, params, seconds):
        print(finding, flush=True)
        failures += not finding.is_well
    if failures:
        raise ValueError(f"{failures} of the checks above failed; each says what to do")
    return "All is well."


def findings(env: str, params: str, seconds: float) -> Iterator[Any]:
    """Yields the findings on the machine and on the run; if all checks passed, forecasts the cost of the run."""
    from lmsi_kedro.commands.doctor.finding import Finding
    from lmsi_kedro.commands.doctor.machine import check_machine
    from lmsi_kedro.commands.doctor.run import check_run, room

    made = []
    for finding in check_machine():
        made.append(finding)
        yield finding
    with configured(env, params) as (catalog, parameters):
        for finding in check_run(catalog, parameters):
            made.append(finding)
            yield finding
        if all(finding.is_well for finding in made):
            lines, cost = forecast("self_improve", catalog, seconds)
            yield Finding("forecast", "\n      ".join(lines))
            yield room(Path(parameters["training_workspace"]), cost.disk_gib)
