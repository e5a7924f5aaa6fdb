"""The command `kedro run` of this project: it is Kedro's own, but reports an error in one line.

The option `--verbose` also prints the traceback.
"""

import logging
import signal
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from lmsi_kedro.commands.mistakes import (
    is_mistake,
    one_line,
    raised_in,
    unwrapped,
    wrong_option,
)
from lmsi_kedro.hooks import ShapeHook
from lmsi_kedro.progress import ProgressHook

STOPPED = "lmsi: stopped; the same command continues from what is stored"


class PlainError(click.ClickException):
    """An exception whose message is printed unchanged."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class Run(click.Command):
    """Kedro's command `run`, which here reports an error in one line."""

    def make_context(self, *given: Any, **extra: Any) -> click.Context:
        with lines({"verbose": False}):
            try:
                return super().make_context(*given, **extra)
            except (KeyError, IndexError) as error:  # from Kedro's own parsing of these options
                where = "--config: no section" if isinstance(error, KeyError) else "--params:"
                raise click.UsageError(f"{where} {error}") from error

    def invoke(self, ctx: click.Context) -> Any:
        signal.signal(signal.SIGTERM, stop)
        with lines(ctx.params):
            return super().invoke(ctx)


def stop(*_: Any) -> None:
    """Stops the run when a scheduler sends SIGTERM, in the same way as Ctrl-C does."""
    raise KeyboardInterrupt


@contextmanager
def lines(options: dict[str, Any]) -> Iterator[None]:
    """Reports an error of the command in one line."""
    try:
        yield
    except (click.exceptions.Exit, PlainError):
        raise
    except (click.Abort, KeyboardInterrupt):
        raise PlainError(STOPPED) from None
    except Exception as error:
        if options["verbose"]:
            traceback.print_exc()
        raise PlainError(line_of(error, options)) from None


def line_of(error: Exception, options: dict[str, Any]) -> str:
    """Describes an error in one line; unless it is the user's mistake, adds the node and the stored traceback."""
    node, cause = ProgressHook.node, unwrapped(error)
    if node is None and raised_in(error).startswith("kedro.") and (wrong := wrong_option(options)):
        return f"lmsi: {wrong}"
    if node is None or (is_mistake(cause) and raised_in(cause) in ("lmsi_kedro", "kedro_datasets")):
        return one_line(error)
    return f"{one_line(error)} (in the node {node}; traceback: {stored(error)})"


def stored(error: Exception) -> Path:
    """Stores the traceback in data_root, or in a temporary folder if data_root cannot be written to."""
    path = Path(ShapeHook.parameters.get("data_root", "data"), "traceback.txt")
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="lmsi-"), path.name)
        path.write_text(text, encoding="utf-8")
    return path


def run_verbosely(verbose: bool, **options: Any) -> Any:
    """Calls Kedro's command; if `verbose` is set, Kedro logs each node with its signature."""
    ProgressHook.node = None
    if options["pipeline"] and not options["pipelines"]:  # the old name of the option
        options |= {"pipeline": None, "pipelines": [options["pipeline"]]}
    if verbose:
        for name in ("kedro", "kedro.pipeline.node", "kedro.runner"):
            logging.getLogger(name).setLevel(logging.INFO)
    try:
        return kedro_run.callback(**options)  # type: ignore[misc]
    finally:
        ProgressHook.stop()  # also after an interrupt


VERBOSE = click.Option(
    ["--verbose", "-v"], is_flag=True, help="Show Kedro's log of nodes, and tracebacks."
)
run = Run("run", callback=run_verbosely, params=[*kedro_run.params, VERBOSE], help=kedro_run.help)
cli = click.Group("lmsi-kedro", commands={"run": run})
