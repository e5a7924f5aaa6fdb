"""`lmsi try`: asks one model, or two side by side, a question, and prints the paths, the vote and the answer."""

import argparse
from typing import Any

from lmsi_kedro.commands.project import add_configuration, configured, model_named


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "try", help="ask a model a question, and show its paths, the vote and the answer"
    )
    command.add_argument(
        "model", help="model_1, base_model, a directory, .gguf file or hub:owner/name"
    )
    command.add_argument("question")
    command.add_argument("--against", metavar="MODEL", help="a second model, shown side by side")
    command.add_argument(
        "--task", help="selects exemplars and kind of answer; without it, zero-shot"
    )
    command.add_argument("--context", help="a passage or premise before the question")
    command.add_argument("--choices", nargs="+", metavar="TEXT", help="options A, B, ...")
    add_configuration(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> str:
    """Prints the paths while they are sampled; returns the vote of each model."""
    from lmsi_kedro.commands.try_model.asking import question_in_run
    from lmsi_kedro.commands.try_model.columns import print_paths, votes

    with configured(args.env, args.params) as (catalog, params):
        asking = question_in_run(
            args.task, args.question, args.context, args.choices, catalog, params
        )
        names = [args.model, *([args.against] if args.against else [])]
        models = {name: model_named(name, catalog) for name in names}
        sampled = print_paths(models, asking, params)
        return votes(sampled, asking, params["voting"])
