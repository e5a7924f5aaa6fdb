"""The tree's decoder on a GPU: a step is a CUDA graph, launched at once instead of kernel by kernel.

Rows fill a bucket, one of a few shapes, captured when first met; what fills it up repeats the last row and
writes the same keys to the same place. Graphs hold the buffers of a chunk and go with it. Where a model cannot be
captured, its steps keep the shapes and are launched kernel by kernel.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lmsi_kedro.engines.local.tree_decoder import TreeDecoder

log = logging.getLogger(__name__)
SMALLEST = 16  # rows: fewer are as fast
DRIFT = 0.05  # of the largest logit; a graph runs the kernels of the step, so a fault is far larger


class GraphDecoder(TreeDecoder):
    """The logits that `step` returns are overwritten by the next one."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.captures: bool = model.device.type == "cuda"
        self.steps: dict[int, Callable[[], Tensor]] = {}

    def start(self, prompts: Sequence[list[int]], rows: int, capacity: int) -> None:
        self.steps = {}  # what they hold must be free before more is taken
        super().start(prompts, rows, capacity)
        self.buckets = buckets(rows)
        device = self.model.device
        self.inputs = [
            torch.zeros(rows, *shape, dtype=torch.long, device=device) for shape in ((), (), (3,))
        ]
        self.pool = torch.cuda.graph_pool_handle() if self.captures else None

    def computed(self, tokens: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """By the graph of the smallest bucket that has room."""
        count = len(tokens)
        bucket = next(size for size in self.buckets if size >= count)
        order = torch.arange(bucket).clamp(max=count - 1)
        inputs = [buffer[:bucket] for buffer in self.inputs]
        for buffer, given in zip(inputs, (tokens, positions, rows), strict=True):
            buffer.copy_(given[order])
        if bucket not in self.steps:
            self.steps[bucket] = self.prepared(partial(super().computed, *inputs))
        return self.steps[bucket]()[:count]

    def prepared(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """As a graph, if that is possible."""
        if not self.captures:
            return step
        try:
            return captured(step, self.pool)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # as when the model waits for the GPU or asks it for a number
            self.captures = False
            log.warning("No CUDA graphs for this model: %s", str(error).split("\n")[0])
            return step


def buckets(rows: int) -> list[int]:
    """Powers of two, and the most rows that there are."""
    return [*(1 << n for n in range(SMALLEST.bit_length() - 1, 32) if 1 << n < rows), rows]


def captured(step: Callable[[], Tensor], pool: Any) -> Callable[[], Tensor]:
    """A function that computes the step's result anew, in place.

    Steps may be computed twice: they write the same keys to the same place. RuntimeError if the step cannot be
    captured, or if its graph gives another result.
    """
    before, beside = torch.cuda.current_stream(), torch.cuda.Stream()
    beside.wait_stream(before)
    with torch.cuda.stream(beside):
        expected = step()  # kernels are compiled and libraries set up outside of the capture
    before.wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, pool=pool):
            result = step()
    finally:
        torch.cuda.set_stream(before)  # which a failed capture does not give back

    def replayed() -> Tensor:
        graph.replay()
        return result

    if not (replayed() - expected).abs().max() <= DRIFT * expected.abs().max():
        raise RuntimeError("a graph gives other logits than its step")
    return replayed
