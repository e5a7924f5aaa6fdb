"""`lmsi audit`: compares our answer parser with Math-Verify and a regular expression on a file of completions."""

import argparse
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lmsi_kedro.printable import counted

READ = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_ndjson"}


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "audit", help="compare the answer parser with Math-Verify and a regular expression"
    )
    command.add_argument("file", type=Path, help="completions: .parquet, .csv or .jsonl")
    command.add_argument("--kind", default="number", help="number, choice or math")
    command.add_argument("--column", default="text", help="the column of completions")
    command.add_argument("--rule", default="trigger", choices=["trigger", "trigger_or_last"])
    command.add_argument("--output", type=Path, default=Path("disagreements.csv"))
    command.add_argument("--workers", type=int, default=2)
    command.add_argument("--timeout", type=float, default=3.0, help="seconds per text")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> str:
    """Writes the disagreements in the format of tests/kernels/answers/answers.csv; returns the counts."""
    from lmsi_kedro.commands.audit.comparison import OUTCOMES, audit

    try:
        peer = f"Math-Verify {version('math-verify')}"
    except PackageNotFoundError:
        raise ValueError("Math-Verify is missing: pip install -e '.[audit]'") from None
    texts = completions(args.file, args.column)
    found = audit(texts, args.kind, args.rule, args.workers, args.timeout)
    found.disagreements.write_csv(args.output)
    lines = [f"{counted(found.completions, 'completion')} parsed as {args.kind} (rule {args.rule})"]
    lines.append(f"{'':18}" + "".join(f"{name:>16}" for name in OUTCOMES))
    for name, counts in found.counts.items():
        shown = peer if name == "math_verify" else name
        lines.append(f"{shown:18}" + "".join(f"{counts[outcome]:>16,}" for outcome in OUTCOMES))
    lines.append(f"{args.output} lists {counted(found.disagreements.height, 'disagreement')}")
    return "\n".join(lines)


def completions(file: Path, column: str) -> list[str]:
    """Returns the texts of a column; raises ValueError if the column is missing."""
    import polars as pl

    if file.suffix not in READ:
        raise ValueError(f"{file}: the file must be .parquet, .csv or .jsonl")
    table: pl.DataFrame = getattr(pl, READ[file.suffix])(file)
    if column not in table.columns:
        raise ValueError(f"{file} has no column {column!r}; it has {', '.join(table.columns)}")
    texts = table[column].cast(pl.String)
    return texts.fill_null("").to_list()
