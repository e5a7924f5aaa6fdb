"""In a chunk with more paths than rows, new paths replace paths that have ended; this does not change any path."""

import io
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams
from tests.engines.many_paths import PROMPTS, REQUESTS, SAMPLING, engine
from tests.models import RAGGED, tiny_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), ends=RAGGED)


@pytest.fixture(scope="module")
def expected(model: Path) -> pl.DataFrame:
    """The paths sampled without refilling, since there are as many rows as paths."""
    return engine(model, 96).sample(REQUESTS, SAMPLING)


Add = Callable[[torch.Tensor], torch.Tensor]


def same(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """Assert equal texts, lengths and finish reasons, and log-probabilities equal up to rounding."""
    assert_frame_equal(found, expected, rel_tol=1e-5)
    exact = pl.exclude("logprob")
    assert found.select(exact).equals(expected.select(exact))


def test_paths_have_many_lengths(expected: pl.DataFrame) -> None:
    assert expected["tokens"].n_unique() > 20
    assert set(expected["finish"]) == {"stop", "length"}


@pytest.mark.parametrize("rows", [7, 40])
def test_refilled_rows_sample_the_same_paths(
    model: Path, rows: int, expected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, running = engine(model, rows), list[int]()
    add: Add = made.decoder.add

    def counting(questions: torch.Tensor) -> torch.Tensor:
        running.append(len(made.decoder.tree.rows))
        return add(questions)

    monkeypatch.setattr(made.decoder, "add", counting)
    same(made.sample(REQUESTS, SAMPLING), expected)
    assert max(running) > 0, "no path joined a running batch"
    assert max(running) < rows


@pytest.mark.parametrize("rows", [5, 90])
def test_model_without_the_tree_starts_new_batches(
    model: Path, rows: int, expected: pl.DataFrame
) -> None:
    same(engine(model, rows, "plain").sample(REQUESTS, SAMPLING), expected)


def plan(model: Path, workers: int = 1) -> Plan:
    """Plan 6 chunks of 16 paths, 5 of which are decoded at a time."""
    params = EngineParams(
        executor="processes", ray_address=None, workers=workers, dtype="float32", paths_per_chunk=16, rows=5,
        chat="auto", trust_remote_code=False, skip_too_long=False,
    )  # fmt: skip
    made = Plan(model, "d", params)
    made.add(PROMPTS, range(8), SAMPLING, {})
    return made


def content(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()


def test_refilled_chunks_have_the_same_bytes_anywhere(model: Path, expected: pl.DataFrame) -> None:
    """The chunks are computed in any order and by any worker."""
    with closing(plan(model)) as one, closing(plan(model, workers=2)) as two:
        assert {len(chunk.requests) for chunk in one.chunks.values()} == {2}
        alone = {name: content(table) for name, table in one.compute(list(one.chunks))}
        shuffled = sorted(two.chunks)
        assert shuffled != list(one.chunks)
        assert {name: content(table) for name, table in two.compute(shuffled)} == alone
    same(pl.concat(pl.read_parquet(alone[name]) for name in one.chunks), expected)


@pytest.mark.parametrize("decoder", ["tree", "plain"])
def test_out_of_memory_halves_batch_and_continues(
    model: Path, decoder: str, expected: pl.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    """The device has memory for 20 rows; the error is raised where each decoder allocates its memory."""
    made = engine(model, 96, decoder)
    start, reserve = made.decoder.start, getattr(made.decoder, "own_buffers", None)
    add: Add = made.decoder.add
    held: list[bool] = []  # whether there are prompts of the last attempt

    def starting(prompts: Sequence[Any], rows: int, capacity: int) -> None:
        held.append(rows < 96 and getattr(made.decoder, "prefilled", None) is not None)
        start(prompts, rows, capacity)

    def reserving(questions: Sequence[Any], slots: int, capacity: int) -> Any:
        if slots > 20:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return reserve(questions, slots, capacity)  # type: ignore[misc]

    def adding(questions: torch.Tensor) -> torch.Tensor:
        if len(questions) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return add(questions)

    made.decoder.start, made.decoder.add, made.decoder.own_buffers = starting, adding, reserving
    same(made.sample(REQUESTS, SAMPLING), expected)
    assert held[:4] == [False] * 4
    assert "Out of memory with 12 questions in batches of 96 rows: halving both" in caplog.text
    assert caplog.text.count("Out of memory") == 3


def test_out_of_memory_with_one_row_fails(model: Path) -> None:
    made = engine(model, 96)

    def refusing(prompts: Sequence[Any], rows: int, capacity: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    made.decoder.start = refusing
    with pytest.raises(torch.OutOfMemoryError):
        made.sample(REQUESTS, SAMPLING)


SHORT_OF_MEMORY = """
import logging, resource, sys
from pathlib import Path
import torch
from tests.engines.many_paths import REQUESTS, SAMPLING, engine
logging.basicConfig(level="WARNING")
torch.set_num_threads(1)
made = engine(Path(sys.argv[1]), 96)
made.sample(REQUESTS, SAMPLING)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1300 << 20), -1))
made.stops.ends = __import__("numpy").arange(4096)  # after one token
table = made.sample(REQUESTS, SAMPLING.model_copy(update={"max_new_tokens": 20000}))
print(table.height, table["tokens"].max())
"""


def test_real_out_of_memory_halves_the_batch(model: Path) -> None:
    """96 rows of 20,000 tokens take 1,875 MiB of keys and values; 1,300 MiB are free, some of it for polars."""
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY, str(model)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["96", "1"], done.stderr
    assert "12 questions in batches of 96 rows: halving both" in done.stderr
    assert done.stderr.count("halving both") == 1


@pytest.mark.parametrize(
    ("value", "everywhere", "fault"),
    [
        (torch.nan, False, "logits hold NaN"),
        (torch.inf, False, r"logits hold \+inf"),
        (-torch.inf, True, "every logit is -inf"),
    ],
)
def test_bad_logits_name_the_path(model: Path, value: float, everywhere: bool, fault: str) -> None:
    """The model gives bad logits at the fourth token of the 14th row, before any path has ended."""
    made, steps = engine(model, 96), iter(range(1, 99))
    made.stops.ends = made.stops.ends[:0]
    computed = made.decoder.computed

    def breaking(*given: Any) -> torch.Tensor:
        logits: torch.Tensor = computed(*given)
        if next(steps) == 3:
            logits[13, : None if everywhere else 1] = value
        return logits

    made.decoder.computed = breaking
    with pytest.raises(ValueError, match=f"question q1, path 5, token 3: {fault}.*fetch it again"):
        made.sample(REQUESTS, SAMPLING)
