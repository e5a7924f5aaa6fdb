"""The stages of a run, which are its nodes that sample or train, and an estimate of the remaining time."""

import time
from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.engines.sample import sample_paths
from lmsi_kedro.pipelines.fine_tuning.nodes import fine_tune


def samples(node: Node) -> bool:
    return node.func is sample_paths


def trains(node: Node) -> bool:
    return function_of(node) is fine_tune


def function_of(node: Node) -> Callable[..., Any]:
    """Returns the function of a node, unwrapped if some of its arguments were set."""
    function: Callable[..., Any] = getattr(node.func, "__wrapped__", node.func)
    return function


class Stages:
    """The current stage of a run; every later stage is estimated to take as long as the last one of its kind.

    The kind of a sampling stage is the function that plans it. The time of a kind is unknown until one of its
    stages has been measured; the time of the whole run is known once its first training has begun.
    """

    def __init__(self, pipeline: Pipeline, clock: Callable[[], float] = time.monotonic) -> None:
        planners = {output: function_of(n) for n in pipeline.nodes for output in n.outputs}
        self.kinds = {
            node.name: planners.get(node.inputs[0]) if samples(node) else fine_tune
            for node in pipeline.nodes
            if samples(node) or trains(node)
        }
        self.waiting = list(self.kinds)
        self.seconds: dict[Any, float] = {}  # time of the last stage of each kind
        self.clock, self.name, self.share, self.start = clock, "", 0.0, clock()

    def enter(self, node: str) -> bool:
        """Enters a node, which ends the previous stage; returns whether the node begins a stage."""
        # A stage whose work was already stored says nothing about the time of others.
        if self.name and self.share == 1:
            self.seconds[self.kinds[self.name]] = self.clock() - self.start
        self.name, self.share, self.start = "", 0.0, self.clock()
        if node in self.waiting:
            self.waiting.remove(node)
            self.name = node
        return bool(self.name)

    def advance(self, share: float, left: float) -> None:
        """Records the finished share of the stage and the seconds left, which give the time of its kind."""
        self.share = share
        self.seconds[self.kinds[self.name]] = self.clock() - self.start + left

    def __str__(self) -> str:
        """Describes the progress, as in "stage 3 of 8, about 4 min left"."""
        stage = f"stage {max(1, len(self.kinds) - len(self.waiting))} of {len(self.kinds)}"
        unfinished = [*filter(None, [self.name]), *self.waiting]
        known = [self.seconds[self.kinds[n]] for n in unfinished if self.kinds[n] in self.seconds]
        if not known:
            return stage
        gone = self.clock() - self.start if self.kinds.get(self.name) in self.seconds else 0.0
        left = duration(max(0.0, sum(known) - gone))
        return f"{stage}, {'about' if len(known) == len(unfinished) else 'more than'} {left} left"


def duration(seconds: float) -> str:
    """Returns the duration with two digits in a suitable unit."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
