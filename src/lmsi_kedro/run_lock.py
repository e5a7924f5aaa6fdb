"""A lock that allows only one run at a time on a data root, because the tables of two runs would be mixed.

The trainers of a run hold the lock too.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from kedro.framework.hooks import hook_impl

from lmsi_kedro.durable import LockedError, locked

NAME = ".lock"


class RunLock:
    """The lock that every `kedro run` holds from before its first node until after its last."""

    def __init__(self) -> None:
        self.root, self.held = Path(), ExitStack()
        self.run: FrameType | None = None  # the call that holds the lock

    @hook_impl(trylast=True)  # after the check of data_root
    def after_context_created(self, context: Any) -> None:
        root = context.config_loader["parameters"].get("data_root", "data")
        self.root = Path(context.project_path) / root

    @hook_impl(trylast=True)  # last, because Kedro calls no other hook when a check stops the run
    def before_pipeline_run(self) -> None:
        """Raises ValueError if another run is active or the folder cannot be written to."""
        if self.run and is_active(self.run):
            raise ValueError(
                f"data_root: {self.root} is in use by another run of this process: start this run when that one "
                "has ended"
            )
        self.release()  # an interrupted run in this process, as in a notebook, may still hold it
        try:
            self.held.enter_context(locked(self.root / NAME, wait=False))
        except LockedError as error:
            raise ValueError(
                f"data_root: {self.root} is in use by another run, {error}: wait for it to end, or give this run "
                "another data_root"
            ) from None
        except OSError as error:
            raise ValueError(
                f"data_root: {self.root} cannot be written to: {error.strerror}; give this run another data_root"
            ) from None
        self.run = run_of(sys._getframe())

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        self.release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        self.release()

    def release(self) -> None:
        self.run = None
        self.held.close()


def run_of(frame: FrameType | None) -> FrameType | None:
    """Returns the frame of the `KedroSession.run` call above this one, which exists until the run ends."""
    from kedro.framework.session import KedroSession

    while frame and frame.f_code is not KedroSession.run.__code__:
        frame = frame.f_back
    return frame


def is_active(run: FrameType) -> bool:
    """Returns whether a thread of this process is still executing this call."""
    for frame in sys._current_frames().values():
        caller: FrameType | None = frame
        while caller:
            if caller is run:
                return True
            caller = caller.f_back
    return False
