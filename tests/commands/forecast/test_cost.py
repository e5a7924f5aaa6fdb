"""The forecast of the default run matches its measured time; start-up time is separated from the speed."""

import polars as pl
import pytest

from lmsi_kedro.commands.forecast.cost import Measured, Work, cost_of
from lmsi_kedro.commands.forecast.measurement import Sampled

# The embedded default takes about four minutes on two idle cores, see README.
DEFAULT = Work(
    paths=9600, other_paths=32_400, stages=6, examples=[8000, 8000], workers=2, processes=2
)
TWO_CORES = Measured(
    paths=9600,
    tokens=240_000,
    bytes=1_000_000,
    tokens_per_second=22_400,
    start_seconds=5.5,
    forward_tokens_per_second=33_000,
    example_tokens=148,
    parameters=1_000_000,
    weight_bytes=2_000_000,
)


def test_default_run_forecast_matches_measurement() -> None:
    cost = cost_of(DEFAULT, TWO_CORES)
    assert 240 / 1.5 < cost.seconds < 240 * 1.5
    assert cost.sampling_seconds == pytest.approx(1_050_000 / 22_400 + 6 * 5.5)
    assert cost.training_tokens == 16_000 * 148


def test_startup_time_is_separated_from_throughput() -> None:
    """Two workers return their first 100 tokens within ten seconds, and 100 more every two seconds."""
    sampled = Sampled(workers=2, begin=0.0)
    for now in (9.0, 10.0, 12.0, 14.0):
        sampled.add(pl.DataFrame({"tokens": [60, 40]}), now)
    assert sampled.rate == 50
    assert sampled.start_seconds == 6
    assert (sampled.paths, sampled.tokens) == (8, 400)


def test_few_chunks_include_startup_time() -> None:
    sampled = Sampled(workers=2, begin=0.0)
    sampled.add(pl.DataFrame({"tokens": [100]}), 4.0)
    assert sampled.rate == 25
    assert sampled.start_seconds == 0
