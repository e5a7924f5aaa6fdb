"""Checks the GPU kernels against their references, and prints all measurements on a GPU in one table.

    PYTHONPATH=src python benchmarks/gpu.py           about three minutes on one H100
    PYTHONPATH=src python benchmarks/gpu.py --quick   every section at toy size on a CPU, in Triton's interpreter

The script requires torch, triton, transformers, accelerate, polars and pydantic, but neither Kedro nor the C++
build. If a section fails, its line in the table says so, and the others still run. The bandwidth of a copy of the
logits is computed from the bytes that are read and written, and the bandwidth of the sampler from the bytes of the
logits, counted once. The sections are in gpu_kernels.py, gpu_models.py and gpu_paths.py.
docs/experiments/2026-11-26-gpu-run.md has the figures of an H100 and an H200.
"""

import sys
import time
import traceback
from collections.abc import Iterator
from importlib import import_module

import torch
from gpu_case import NEW, PATHS, QUESTION, SHARED, SMALL, Row
from result import Result, arguments

SETTINGS = {
    "both": f"{SHARED} shared prompt tokens, {QUESTION} of the question, {PATHS} paths of {NEW} tokens, "
    "wall time including prefill, best batch size of each side",
    "flat": "our engine without shared prompts: each path has its own copy of the prompt",
    "copy": "the time that one read of the logits takes at the bandwidth measured when copying them",
}
LATEST = 480.0  # seconds after which no further section is started
SECTIONS = (
    "gpu_kernels.votes", "gpu_kernels.sampled", "gpu_kernels.sampler", "gpu_kernels.attention",
    "gpu_models.decoding", "gpu_models.training", "gpu_paths.plans",
)  # fmt: skip


def versions() -> Row:
    name = "cpu" if SMALL else torch.cuda.get_device_name()
    parts = [import_module(part) for part in ("torch", "triton", "transformers")]
    return Row(name, ", ".join(f"{part.__name__} {part.__version__}" for part in parts))


def rows_of(section: str, begun: float) -> Iterator[Row]:
    """Yield the lines of a section; if it fails, the last line contains the error."""
    start = time.perf_counter()
    module, name = section.split(".")
    try:
        if start - begun > LATEST:
            raise TimeoutError(f"skipped, because {start - begun:.0f} s have passed")
        yield from getattr(import_module(module), name)()
    except Exception as error:  # the other sections should still run
        traceback.print_exc()
        first = f"{type(error).__name__}: {error}".split("\n")[0]
        yield Row(section, f"FAILED: {first}", met=False)
    print(f"{section}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


def shown(row: Row) -> str:
    verdict = {None: "", True: "yes", False: "NO"}[row.met]
    return f"| {row.what} | {row.found} | {row.target} | {verdict} |"


def main() -> int:
    """Print the table and return the number of lines that failed or missed their target."""
    arguments(__file__, __doc__).parse_args()
    if not SMALL and not torch.cuda.is_available():
        sys.exit("gpu.py: torch sees no GPU; --quick runs every section on the CPU")
    begun, table = time.perf_counter(), [versions()]
    for section in SECTIONS:
        for row in rows_of(section, begun):
            print(shown(row), flush=True)  # at once, so that a killed job keeps the finished lines
            table.append(row)
    print("\n| what | found | target | met |\n|---|---|---|---|")
    print("\n".join(map(shown, table)))
    result = Result("gpu", SETTINGS, [row.compared for row in table if row.compared])
    result.machine = f"{table[0].what}, {result.machine}"
    if not any(row.found.startswith("FAILED") for row in table) and result.figures:
        result.finish()
    return sum(row.met is False for row in table)


if __name__ == "__main__":
    sys.exit(main())
