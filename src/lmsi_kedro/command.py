"""The `lmsi` command: what a finished run found. Runs themselves are started by `kedro run`."""

import argparse
import json
import sys
from pathlib import Path

from lmsi_kedro.report import words


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script; the exit status is 0 when the command succeeded."""
    parser = argparse.ArgumentParser(prog="lmsi", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("report", help="print the headline and where the report is")
    command.add_argument("--data", type=Path, default=Path("data"), help="data root of the run")
    command.set_defaults(run=lambda given: report(given.data))
    given = parser.parse_args(arguments)
    try:
        print(given.run(given))
    except (OSError, ValueError) as error:
        print(f"lmsi: {error}", file=sys.stderr)
        return 1
    return 0


def report(data: Path) -> str:
    """The claim, its evidence, the verdict, and the page that shows more."""
    folder = data / "08_reporting"
    if not (folder / "metrics.json").exists():
        raise FileNotFoundError(f"{folder / 'metrics.json'} does not exist; run `kedro run` first")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        said = [form(metrics["headline"]) for form in (words.claim, words.evidence, words.verdict)]
        return "\n".join([*said, words.control(metrics), str(folder / "report.html")])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'metrics.json'} is not a run's metrics: {error!r}") from error
