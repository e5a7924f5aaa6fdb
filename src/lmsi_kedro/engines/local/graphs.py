"""The prefix-tree decoder on a GPU: a step is one CUDA graph instead of many kernel launches.

A batch is padded to one of a few sizes, the buckets; the graph of a bucket is captured on first use. Padding
repeats the last row, which writes the same keys to the same place. Graphs refer to the buffers of a chunk and are
deleted together with them. If a model cannot be captured, its steps are still padded, but run without a graph.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lmsi_kedro.engines.local.tree_decoder import TreeDecoder

log = logging.getLogger(__name__)
SMALLEST = 16  # rows of the smallest bucket; fewer rows are not faster
DRIFT = 0.05  # allowed difference, relative to the largest logit; a wrong graph differs far more


class GraphDecoder(TreeDecoder):
    """Decodes with CUDA graphs; every step overwrites the logits that the previous one returned."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.captures: bool = model.device.type == "cuda"
        self.steps: dict[int, Callable[[], Tensor]] = {}

    def start(self, prompts: Sequence[list[int]], rows: int, capacity: int) -> None:
        self.steps = {}  # free the old graphs and their buffers before new ones are allocated
        super().start(prompts, rows, capacity)
        self.buckets = buckets(rows)
        device = self.model.device
        self.inputs = [
            torch.zeros(rows, *shape, dtype=torch.long, device=device) for shape in ((), (), (3,))
        ]
        self.pool = torch.cuda.graph_pool_handle() if self.captures else None

    def computed(self, tokens: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """The logits, computed by the graph of the smallest bucket with enough rows."""
        count = len(tokens)
        bucket = next(size for size in self.buckets if size >= count)
        order = torch.arange(bucket).clamp(max=count - 1)
        inputs = [buffer[:bucket] for buffer in self.inputs]
        for buffer, values in zip(inputs, (tokens, positions, rows), strict=True):
            buffer.copy_(values[order])
        if bucket not in self.steps:
            self.steps[bucket] = self.prepared(partial(super().computed, *inputs))
        return self.steps[bucket]()[:count]

    def prepared(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """The step as a graph, or unchanged if it cannot be captured."""
        if not self.captures:
            return step
        try:
            return captured(step, self.pool)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # for example, the model synchronises with the GPU
            self.captures = False
            log.warning("No CUDA graphs for this model: %s", str(error).split("\n")[0])
            return step


def buckets(rows: int) -> list[int]:
    """The sizes of the buckets: powers of two, and the maximum number of rows."""
    return [*(1 << n for n in range(SMALLEST.bit_length() - 1, 32) if 1 << n < rows), rows]


def captured(step: Callable[[], Tensor], pool: Any) -> Callable[[], Tensor]:
    """Captures a step; the returned function replays it and returns the result, always in the same buffer.

    This runs the step more than once, which is safe, since it writes the same keys to the same place. RuntimeError
    if the step cannot be captured, or if its graph gives a different result.
    """
    current, other = torch.cuda.current_stream(), torch.cuda.Stream()
    other.wait_stream(current)
    with torch.cuda.stream(other):
        expected = step()  # compiles kernels and initialises libraries before the capture
    current.wait_stream(other)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, pool=pool):
            result = step()
    finally:
        torch.cuda.set_stream(current)  # a failed capture does not restore it

    def replayed() -> Tensor:
        graph.replay()
        return result

    if not (replayed() - expected).abs().max() <= DRIFT * expected.abs().max():
        raise RuntimeError("the logits of a graph differ from those of its step")
    return replayed
