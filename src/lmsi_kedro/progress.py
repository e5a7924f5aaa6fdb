"""Shows the progress of a run: the stage and the time left, as a bar in a terminal and as log lines elsewhere.

Progress is logged with `extra={"share": 0.5, "left": 12}`: the finished share of the stage, and the seconds left.
"""

import logging
import sys
from typing import Any, ClassVar

from kedro.framework.hooks import hook_impl

log = logging.getLogger(__name__)


class ProgressHook:
    """Follows the nodes of a run; a node that yields its outputs still runs while they are saved."""

    node: ClassVar[str | None] = None  # the node whose inputs were loaded last
    shown: "ClassVar[Display | None]" = None

    @hook_impl(trylast=True)  # last, so that no display remains when a check stops the run
    def before_pipeline_run(self, pipeline: Any) -> None:
        from lmsi_kedro.stages import Stages

        ProgressHook.stop()
        if (stages := Stages(pipeline)).kinds:
            ProgressHook.shown = Display(stages)

    @hook_impl
    def before_dataset_loaded(self, node: Any) -> None:
        if ProgressHook.node != node.name and ProgressHook.shown:
            ProgressHook.shown.enter(node.name)
        ProgressHook.node = node.name

    @hook_impl
    def before_node_run(self, node: Any) -> None:
        ProgressHook.node = node.name

    @hook_impl
    def after_pipeline_run(self) -> None:
        ProgressHook.node = None
        ProgressHook.stop()

    @hook_impl
    def on_pipeline_error(self) -> None:
        ProgressHook.stop()

    @staticmethod
    def stop() -> None:
        """Removes the display and restores the terminal."""
        if ProgressHook.shown:
            ProgressHook.shown.stop()
        ProgressHook.shown = None


class Display(logging.Handler):
    """Handles log records with progress; in a terminal a bar replaces their lines."""

    def __init__(self, stages: Any) -> None:
        super().__init__()
        self.stages, self.bar = stages, bar() if sys.stdout.isatty() else None
        self.lines: list[Any] = [
            each
            for each in logging.getLogger().handlers
            if getattr(each, "stream", 0) is sys.stdout
        ]
        if self.bar:
            self.task = self.bar.add_task("preparation")
            self.bar.start()
            for handler in self.lines:
                handler.setStream(sys.stdout)  # rich's stream, which prints lines above the bar
                handler.addFilter(is_no_progress)
        logging.getLogger("lmsi_kedro").addHandler(self)

    def enter(self, node: str) -> None:
        """Shows that this node starts."""
        begins = self.stages.enter(node)
        if self.bar:
            self.show(node)
        elif begins:
            log.info("%s: %s", str(self.stages).capitalize(), node)

    def emit(self, record: logging.LogRecord) -> None:
        if not is_no_progress(record) and self.stages.name:
            self.stages.advance(record.share, record.left)  # type: ignore[attr-defined]
            if self.bar:
                self.show(record.getMessage())

    def show(self, doing: str) -> None:
        assert self.bar is not None
        text = f"{self.stages}: {doing}"
        self.bar.update(self.task, description=text, completed=100 * self.stages.share)

    def stop(self) -> None:
        logging.getLogger("lmsi_kedro").removeHandler(self)
        if self.bar:
            self.bar.stop()
            for handler in self.lines:
                handler.setStream(sys.stdout)
                handler.removeFilter(is_no_progress)


def bar() -> Any:
    """Returns a bar with a description, in one line."""
    from rich.progress import BarColumn, Progress, TextColumn

    text = TextColumn("{task.description}", markup=False)
    return Progress(BarColumn(20), text, transient=True)


def is_no_progress(record: logging.LogRecord) -> bool:
    return not hasattr(record, "share")
