"""`lmsi report`: prints the results of a finished run."""

import argparse
import json
from pathlib import Path
from typing import Any

from lmsi_kedro.commands.project import add_parameters, data_root


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "report", help="print the result, and the paths of report and model"
    )
    add_parameters(command)
    command.set_defaults(run=lambda args: report(data_root(args.params)))


def report(data: Path) -> str:
    """Returns the text that the run printed at its end."""
    from lmsi_kedro.report.ending import ending

    folder = data / "08_reporting"
    if not (folder / "metrics.json").exists():
        raise FileNotFoundError(f"{folder / 'metrics.json'} does not exist; run `kedro run` first")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        model = data / "06_models" / f"model_{len(metrics['rounds'])}"
        return ending(metrics, folder / "report.html", model)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'metrics.json'} is not a run's metrics: {error!r}") from error
