"""`lmsi report`: what a finished run found."""

import argparse
import json
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "report", help="print the headline and where the report is"
    )
    command.add_argument("--data", type=Path, default=Path("data"), help="data root of the run")
    command.set_defaults(run=lambda given: report(given.data))


def report(data: Path) -> str:
    """The claim, its evidence, the verdict, and the page that shows more."""
    from lmsi_kedro.report import words

    folder = data / "08_reporting"
    if not (folder / "metrics.json").exists():
        raise FileNotFoundError(f"{folder / 'metrics.json'} does not exist; run `kedro run` first")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        headline = metrics["headline"]
        said = [words.claim(headline), words.warm_start(metrics), words.promotion(metrics)]
        said += [words.evidence(headline), words.verdict(headline)]
        said += [*words.controls(metrics), words.votes(metrics)]
        return "\n".join([*filter(None, said), str(folder / "report.html")])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'metrics.json'} is not a run's metrics: {error!r}") from error
