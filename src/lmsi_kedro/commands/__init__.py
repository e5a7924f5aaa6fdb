"""The `lmsi` command; runs are started with `kedro run`.

There is one module per subcommand. The modules import polars, torch and Kedro only when a command runs, so that
`lmsi --help` takes a tenth of a second.
"""

import argparse
import os
import re
import sys
import traceback
from importlib.metadata import version
from typing import NoReturn

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


class Parser(argparse.ArgumentParser):
    """A parser that reports a wrong option in one line."""

    def error(self, message: str) -> NoReturn:
        from lmsi_kedro.params.mistakes import unknown

        if wrong := re.match(
            r"argument (\S+): invalid choice: '(.*)' \(choose from (.+)\)", message
        ):
            message = unknown(wrong[1], wrong[2], re.findall("'([^']+)'", wrong[3]))
        self.exit(2, f"lmsi: {message}; see `{self.prog} --help`\n")

    def refuse(self, unrecognized: str) -> NoReturn:
        """Reports an argument that this command does not take."""
        from lmsi_kedro.params.mistakes import unknown

        options = [name for action in self._actions for name in action.option_strings]
        self.error(unknown(self.prog, unrecognized.partition("=")[0], options))


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script; the exit status is 0 when the command succeeded."""
    parser = Parser(prog="lmsi", description=__doc__)
    parser.add_argument(
        "--version", action="version", version=f"lmsi-kedro {version('lmsi-kedro')}"
    )
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="COMMAND")
    for command in (init, report, try_model, export, headroom, audit, forecast, doctor, explain):
        command.add_to(commands)
    args, unrecognized = parser.parse_known_args(arguments)
    if unrecognized:
        commands.choices[args.COMMAND].refuse(unrecognized[0])
    try:
        print(printable(args.run(args)), flush=True)
    except KeyboardInterrupt:
        return stop("lmsi: stopped")
    except (
        BrokenPipeError
    ):  # the reader, such as `head`, has seen enough; Python would flush again at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        from lmsi_kedro.commands.mistakes import one_line

        if args.verbose:
            traceback.print_exc()
        return stop(one_line(error))
    return 0


def stop(line: str) -> int:
    print(line, file=sys.stderr)
    return 1
