"""One run at a time on a data root, as two would mix their tables; the lock lasts until its trainers end."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from lmsi_kedro.durable import LockedError, locked

NAME = ".lock"


class RunLock:
    """Held by every `kedro run` from before its first node to after its last."""

    def __init__(self) -> None:
        self.root, self.held = Path(), ExitStack()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        root = context.config_loader["parameters"].get("data_root", "data")
        self.root = Path(context.project_path) / root

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """ValueError names the run that is there already, or why nothing can be written."""
        self.release()  # of a run in this process that was interrupted, as in a notebook
        try:
            self.held.enter_context(locked(self.root / NAME, wait=False))
        except LockedError as error:
            raise ValueError(
                f"data_root: {self.root} is in use by another run, {error}: wait for its end, or give this run "
                "another data_root"
            ) from None
        except OSError as error:
            raise ValueError(
                f"data_root: {self.root} cannot be written: {error.strerror}; give this run another data_root"
            ) from None

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        self.release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        self.release()

    def release(self) -> None:
        self.held.close()
