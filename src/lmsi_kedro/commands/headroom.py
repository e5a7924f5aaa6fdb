"""`lmsi headroom`: prints whether a model's votes were more accurate than its greedy path before training."""

import argparse
import json
from pathlib import Path
from typing import Any

from lmsi_kedro.commands.project import add_parameters, data_root


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "headroom", help="print what was measured before training: can the model improve?"
    )
    add_parameters(command)
    command.set_defaults(run=lambda args: headroom(data_root(args.params)))


def headroom(data: Path) -> str:
    """Returns the verdict and its tables."""
    from lmsi_kedro.report.headroom import sentences, tables

    path = data / "08_reporting" / "headroom.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; run `kedro run --pipelines=headroom` first"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        parts = ["\n".join(sentences(found)), *map(aligned, tables(found))]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a valid headroom.json: {error!r}") from error
    return "\n\n".join(parts)


def aligned(table: Any) -> str:
    """Returns a report.headroom.Table as text: the first column is left-aligned, the others are right-aligned."""
    lines = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = (
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )
    return "\n".join([table.title, *written])
