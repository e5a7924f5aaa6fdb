"""The `lmsi` command: one file per subcommand. Runs themselves are started by `kedro run`."""

import argparse
import sys

from lmsi_kedro.commands import audit, doctor, explain, forecast, report


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script; the exit status is 0 when the command succeeded."""
    parser = argparse.ArgumentParser(prog="lmsi", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report.add_to(commands)
    audit.add_to(commands)
    forecast.add_to(commands)
    doctor.add_to(commands)
    explain.add_to(commands)
    given = parser.parse_args(arguments)
    try:
        print(given.run(given))
    except (OSError, ValueError) as error:
        print(f"lmsi: {error}", file=sys.stderr)
        return 1
    return 0
