"""The stages of a run, which are its nodes that sample or train, and the time that they leave."""

import time
from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.engines.sample import sample
from lmsi_kedro.pipelines.fine_tuning.nodes import fine_tune


def samples(node: Node) -> bool:
    return node.func is sample


def trains(node: Node) -> bool:
    return function_of(node) is fine_tune


def function_of(node: Node) -> Callable[..., Any]:
    """The function of a node, of which `update_wrapper(partial(...))` has set some arguments."""
    function: Callable[..., Any] = getattr(node.func, "__wrapped__", node.func)
    return function


class Stages:
    """Which stage a run is in, and what the others will take: as long as the last one of their kind.

    The kind of a stage that samples is the function that plans it. Until one of a kind has shown its speed,
    nothing is known of the others; the whole run is known once its first training has begun.
    """

    def __init__(self, pipeline: Pipeline, clock: Callable[[], float] = time.monotonic) -> None:
        planners = {output: function_of(n) for n in pipeline.nodes for output in n.outputs}
        self.kinds = {
            node.name: planners.get(node.inputs[0]) if samples(node) else fine_tune
            for node in pipeline.nodes
            if samples(node) or trains(node)
        }
        self.waiting = list(self.kinds)
        self.seconds: dict[Any, float] = {}  # of the last stage of a kind
        self.clock, self.name, self.share, self.start = clock, "", 0.0, clock()

    def enter(self, node: str) -> bool:
        """Whether this node begins a stage; any node ends the one before."""
        if (
            self.name and self.share == 1
        ):  # else it found its work done, which says nothing of others
            self.seconds[self.kinds[self.name]] = self.clock() - self.start
        self.name, self.share, self.start = "", 0.0, self.clock()
        if node in self.waiting:
            self.waiting.remove(node)
            self.name = node
        return bool(self.name)

    def advance(self, share: float, left: float) -> None:
        """So much of the stage is done and so many seconds are left: what its kind takes is known now."""
        self.share = share
        self.seconds[self.kinds[self.name]] = self.clock() - self.start + left

    def __str__(self) -> str:
        """stage 3 of 8, about 4 min left"""
        said = f"stage {max(1, len(self.kinds) - len(self.waiting))} of {len(self.kinds)}"
        open = [*filter(None, [self.name]), *self.waiting]
        known = [self.seconds[self.kinds[n]] for n in open if self.kinds[n] in self.seconds]
        if not known:
            return said
        gone = self.clock() - self.start if self.kinds.get(self.name) in self.seconds else 0.0
        left = duration(max(0.0, sum(known) - gone))
        return f"{said}, {'about' if len(known) == len(open) else 'more than'} {left} left"


def duration(seconds: float) -> str:
    """Two digits of it, in the unit that suits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
