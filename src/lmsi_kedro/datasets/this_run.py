"""The running command and its machine as a dataset, because nodes do not read clocks or the environment."""

import datetime as dt
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractDataset, DatasetError

from lmsi_kedro.hardware import machine


class Stopwatch:
    """Measures the seconds from the start of each node to the start of the next, including saving its output.

    A sampling node is a generator, which runs while its output is saved.
    """

    started: ClassVar[dt.datetime] = dt.datetime.now(dt.UTC)
    laps: ClassVar[dict[str, float]] = {}
    pipelines: ClassVar[list[str]] = []  # names of the command's pipelines

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        Stopwatch.pipelines = run_params["pipeline_names"] or ["self_improve"]
        Stopwatch.started = dt.datetime.now(dt.UTC)
        Stopwatch.laps = {}

    @hook_impl
    def before_node_run(self, node: Any) -> None:
        Stopwatch.laps[node.name] = time.monotonic()

    @classmethod
    def seconds(cls) -> dict[str, float]:
        """Returns the seconds of each node so far, including the running one."""
        ends = [*list(cls.laps.values())[1:], time.monotonic()]
        laps = zip(cls.laps.items(), ends, strict=False)  # ends has one entry without nodes
        return {name: round(end - begin, 2) for (name, begin), end in laps}


class ThisRun(AbstractDataset[NoReturn, dict[str, Any]]):
    """Describes the current `kedro run`: its command, pipelines, start, seconds per node, commit and hardware."""

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        return {
            "command": command(),
            "pipelines": Stopwatch.pipelines,
            "started": Stopwatch.started.isoformat(timespec="seconds"),
            "seconds": Stopwatch.seconds(),
            "commit": commit(),
            "hardware": machine(),
        }

    def save(self, data: NoReturn) -> NoReturn:
        raise DatasetError("this_run is not written by a node")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {}


def command() -> str:
    """Returns the command as typed, without the folder of the program."""
    program, *arguments = sys.argv
    path = Path(program.removeprefix("python -m "))  # sys.argv[0] of `python -m kedro`
    name = path.parent.name if path.stem == "__main__" else path.name
    return shlex.join([name, *arguments])


def commit() -> str | None:
    """Returns the commit of the working directory, with a + if files differ from it; None outside a repository."""
    describe = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(describe, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
