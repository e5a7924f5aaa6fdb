"""`lmsi explain`: shows the origin of a training example, or how the models answered a question."""

import argparse
from typing import Any

from lmsi_kedro.commands.project import add_configuration, configured


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "explain", help="trace an example or question: path, votes, prompt, model, round"
    )
    command.add_argument("id", help="an example_id or a question_id")
    add_configuration(command)
    command.set_defaults(run=lambda args: explained(args.id, args.env, args.params))


def explained(identifier: str, env: str, params: str) -> str:
    """Returns the lineage as text; it is read from the data of a finished run."""
    from lmsi_kedro.commands.explain.lineage import explain

    with configured(env, params) as (catalog, _):
        return str(explain(identifier, catalog))
