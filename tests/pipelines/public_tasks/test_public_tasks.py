"""The question file made from public benchmarks."""

import pytest

from lmsi_kedro.params import PublicTasksParams
from lmsi_kedro.pipelines.public_tasks.nodes import read_benchmark
from tests.tasks.hub_rows import HUB


def test_row_limit_selects_by_content() -> None:
    few = PublicTasksParams(names=["gsm8k"], rows_per_split=2)
    once = read_benchmark(HUB["gsm8k"], few, "gsm8k")
    turned = read_benchmark({k: rows[::-1] for k, rows in HUB["gsm8k"].items()}, few, "gsm8k")
    assert once.height == 4
    assert once.equals(turned)
    with pytest.raises(KeyError, match="openai/gsm8k has no split 'test'; it has train"):
        read_benchmark({"train": HUB["gsm8k"]["train"]}, few, "gsm8k")
