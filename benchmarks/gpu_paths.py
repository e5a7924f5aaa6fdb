"""The section of benchmarks/gpu.py that compares paths of the embedded model for two batch sizes and with the CPU.

The random numbers are the same, so paths differ only if logits are rounded differently.
"""

from collections.abc import Iterator
from random import Random

import polars as pl
import torch
from gpu_case import SMALL, Row
from gpu_models import BASE

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.documents import question_of
from lmsi_kedro.mini_world.problems import generate_problem
from lmsi_kedro.params import Sampling
from lmsi_kedro.tasks import render

QUESTIONS, PATHS, ON_CPU = (3, 4, 2) if SMALL else (256, 16, 64)
ROWS = (8, 4) if SMALL else (256, 64)  # the two batch sizes
PLAN = Sampling(temperature=0.7, max_new_tokens=6 if SMALL else 64, seed=1)


def requests() -> list[Request]:
    rng = Random(0)
    problems = [generate_problem(FAMILIES["mini_gsm"], "held_out", rng) for _ in range(QUESTIONS)]
    prompts = [render("zero_shot_cot", question_of(problem)) for problem in problems]
    return [Request(f"q{i}", prompt, range(PATHS)) for i, prompt in enumerate(prompts)]


def compared(what: str, paths: pl.DataFrame, other: pl.DataFrame) -> Row:
    """Compare the paths that occur in both tables."""
    both = paths.join(other, on=["question_id", "path"], suffix="_other", validate="1:1")
    different = both.filter(pl.col("text") != pl.col("text_other"))
    same = both.join(different, on=["question_id", "path"], how="anti")
    apart = (pl.col("logprob") - pl.col("logprob_other")).abs()
    error: float = same.select(apart.max()).item() or 0.0
    tokens = both["tokens"].sum()
    return Row(
        what,
        f"{len(different)} of {len(both)} paths differ ({tokens} tokens), log-probability {error:.0e}",
    )


def plans() -> Iterator[Row]:
    wanted = requests()
    for dtype in (torch.float32, torch.bfloat16):
        engine = LocalEngine(BASE, dtype, rows=ROWS[0])
        paths = engine.sample(wanted, PLAN)
        engine.rows = ROWS[1]
        what = f"batch size {ROWS[0]} against {ROWS[1]}, {dtype}"
        yield compared(what, paths, engine.sample(wanted, PLAN))
        engine.model.to("cpu")
        engine.decoder = TreeDecoder(engine.model)
        yield compared(f"against the CPU, {dtype}", paths, engine.sample(wanted[:ON_CPU], PLAN))
