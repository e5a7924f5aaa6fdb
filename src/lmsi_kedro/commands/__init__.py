"""The `lmsi` command: one module per subcommand, with what only it needs. Runs are started by `kedro run`.

The modules import polars, torch and Kedro when a command runs, so that `lmsi --help` takes a tenth of a second.
"""

import argparse
import sys
from importlib.metadata import version

from lmsi_kedro.commands import (
    audit,
    doctor,
    explain,
    export,
    forecast,
    headroom,
    init,
    report,
    try_model,
)
from lmsi_kedro.printable import printable


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script; the exit status is 0 when the command succeeded."""
    parser = argparse.ArgumentParser(prog="lmsi", description=__doc__)
    parser.add_argument(
        "--version", action="version", version=f"lmsi-kedro {version('lmsi-kedro')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (init, report, try_model, export, headroom, audit, forecast, doctor, explain):
        command.add_to(commands)
    given = parser.parse_args(arguments)
    try:
        print(printable(given.run(given)))
    except (OSError, ValueError) as error:
        print(f"lmsi: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0
