"""Sizes, table lines and a timer, which the sections of benchmarks/gpu.py share."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from result import QUICK, Figure

SMALL = QUICK
os.environ["HF_HUB_OFFLINE"] = "1"
if SMALL:
    os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported

DEVICE = "cpu" if SMALL else "cuda"
DTYPE = torch.float32 if SMALL else torch.bfloat16
ROWS, VOCABULARY = (3, 300) if SMALL else (1024, 151_936)
SHARED, QUESTION, PATHS, NEW = (12, 5, 4, 6) if SMALL else (512, 40, 32, 128)
BATCHES = (8,) if SMALL else (256, 512, 1024, 2048)
SHAPE: dict[str, Any] = (
    {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2,
     "num_key_value_heads": 1, "vocab_size": 1000}
    if SMALL else
    {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
     "num_key_value_heads": 2, "vocab_size": VOCABULARY}
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of the table; `met` is None if there is no target."""

    what: str
    found: str
    target: str = ""
    met: bool | None = None
    compared: Figure | None = None


def figure(what: str, found: str, target: str, met: bool, compared: Figure | None = None) -> Row:
    """Return a line whose target is checked only at full size."""
    return Row(what, found, target, None if SMALL else met, compared)


def seconds(work: Callable[[], object], captured: bool = False) -> float:
    """Return the median time of a call with a cleared GPU cache or, if captured, of a CUDA graph replay."""
    from triton.testing import do_bench, do_bench_cudagraph

    if not SMALL:
        bench = do_bench_cudagraph if captured else do_bench
        return float(bench(work, return_mode="median")) / 1e3
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
