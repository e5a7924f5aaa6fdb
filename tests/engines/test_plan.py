"""A chunk's address says all that decides its content; workers and order decide nothing."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Sampling
from lmsi_kedro.tasks import Prompt
from tests.models import tiny_model

SAMPLING = Sampling(temperature=1.0, max_new_tokens=8, seed=3)
PROMPTS = {f"q{i}": Prompt("Q: a?\nA: b.\n\n", f"Q: {i}?\nA:") for i in range(6)}


def plan(
    model: Path = Path("model"),
    digest: str = "d",
    workers: int = 1,
    dtype: str = "float32",
    m: int = 4,
    sampling: Sampling = SAMPLING,
    prompts: dict[str, Prompt] = PROMPTS,
    mode: str = "x",
) -> Plan:
    engine = EngineParams(
        executor="processes",
        ray_address=None,
        workers=workers,
        dtype=dtype,  # type: ignore[arg-type]
        rows_per_chunk=8,
        chat="auto",
        trust_remote_code=False,
        skip_too_long=False,
    )
    made = Plan(model, digest, engine)
    made.add(prompts, m, sampling, {"mode": mode})
    return made


@pytest.mark.parametrize(
    "changed",
    [
        lambda: plan(digest="other"),
        lambda: plan(dtype="bfloat16"),
        lambda: plan(mode="y"),
        lambda: plan(sampling=SAMPLING.model_copy(update={"seed": 4})),
        lambda: plan(sampling=SAMPLING.model_copy(update={"temperature": 0.9})),
        lambda: plan(prompts={**PROMPTS, "q0": Prompt("", "Q: 0?\nA:")}),
        lambda: plan(prompts={f"p{i}": prompt for i, prompt in enumerate(PROMPTS.values())}),
    ],
    ids=["model", "dtype", "columns", "seed", "temperature", "prompt", "question"],
)
def test_every_ingredient_is_in_the_address(changed: Callable[[], Plan]) -> None:
    first = next(iter(plan().chunks))
    assert first not in changed().chunks
    assert first in plan(model=Path("elsewhere"), workers=2).chunks


def test_more_paths_keep_the_chunks_of_fewer() -> None:
    few, many = plan(m=8), plan(m=20)
    assert set(few.chunks) < set(many.chunks)
    drawn = sum(len(r.paths) for chunk in many.chunks.values() for r in chunk.requests)
    assert drawn == 6 * 20


def test_workers_and_order_decide_nothing(tmp_path: Path) -> None:
    """Two workers in another order give the tables of one worker."""
    model = tiny_model(tmp_path)
    one, two = plan(model), plan(model, workers=2)
    alone = dict(one.compute(list(one.chunks)))
    shared = dict(two.compute(list(two.chunks)[::-1]))
    assert set(alone) == set(shared)
    assert all(alone[chunk].equals(shared[chunk]) for chunk in alone)
    assert pl.concat(alone.values()).height == 24
