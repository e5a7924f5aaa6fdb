"""Steps padded to a few shapes sample the same paths; capturing itself needs a GPU (benchmarks/gpu.py)."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine, graphs
from lmsi_kedro.engines.local.graphs import GraphDecoder, buckets
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.params import Sampling
from tests.models import tiny_model

SAMPLING = Sampling(temperature=1.0, max_new_tokens=12, seed=3)
REQUESTS = [
    Request(f"q{i}", f"Q: Ana has 3 pens.\nA: 3.\n\nQ: Ben has {i} caps.\nA:", range(9))
    for i in range(5)
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    directory: Path = tiny_model(tmp_path_factory.mktemp("model"), kv_heads=2)
    return LocalEngine(directory, torch.float32, rows=37)


@pytest.fixture(scope="module")
def expected(engine: LocalEngine) -> pl.DataFrame:
    engine.decoder = TreeDecoder(engine.model)
    return engine.sample(REQUESTS, SAMPLING)


def same(found: pl.DataFrame, expected: pl.DataFrame) -> bool:
    torch.testing.assert_close(found["logprob"].to_torch(), expected["logprob"].to_torch())
    return found.drop("logprob").equals(expected.drop("logprob"))


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(1, [1]), (16, [16]), (17, [16, 17]), (100, [16, 32, 64, 100]), (128, [16, 32, 64, 128])],
)
def test_bucket_sizes(rows: int, sizes: list[int]) -> None:
    assert buckets(rows) == sizes


def test_padded_steps_sample_the_same_paths(
    engine: LocalEngine, expected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 45 paths, at most 37 are decoded at the same time: rows that end are dropped, and others join."""
    widths, forward = [], TreeDecoder.forward

    def seen(self: Any, tree: Any, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        widths.append(len(ids))
        return forward(self, tree, ids, *rest)

    engine.decoder = GraphDecoder(engine.model)
    monkeypatch.setattr(TreeDecoder, "forward", seen)
    assert same(engine.sample(REQUESTS, SAMPLING), expected)
    assert set(widths[2:]) <= {16, 32, 37}  # the first two calls compute the prompts
    assert len(set(widths[2:])) > 1


def test_each_shape_is_captured_once_per_chunk(
    engine: LocalEngine, expected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a graph, the stand-in overwrites its last result, so each one must be read before the next step."""
    captures = []

    def fake(step: Callable[[], torch.Tensor], pool: Any) -> Callable[[], torch.Tensor]:
        result = step()
        captures.append(len(result))
        return lambda: result.copy_(step())

    decoder = GraphDecoder(engine.model)
    monkeypatch.setattr(graphs, "captured", fake)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    engine.decoder, decoder.captures = decoder, True
    for _ in range(2):
        assert same(engine.sample(REQUESTS, SAMPLING), expected)
    chunk = captures[: len(captures) // 2]
    assert captures == chunk * 2
    assert len(chunk) == len(set(chunk)) > 1


def test_model_that_cannot_be_captured_runs_uncaptured(
    engine: LocalEngine, expected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def refused(*_: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    decoder = GraphDecoder(engine.model)
    monkeypatch.setattr(graphs, "captured", refused)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    engine.decoder, decoder.captures = decoder, True
    with caplog.at_level(logging.WARNING):
        assert same(engine.sample(REQUESTS, SAMPLING), expected)
    assert caplog.messages == [
        "No CUDA graphs for this model: operation not permitted when stream is capturing"
    ]


def test_out_of_memory_during_capture_halves_the_batch(
    engine: LocalEngine, expected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tight(step: Callable[[], torch.Tensor], pool: Any) -> Callable[[], torch.Tensor]:
        if len(step()) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step

    decoder = GraphDecoder(engine.model)
    monkeypatch.setattr(graphs, "captured", tight)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    engine.decoder, decoder.captures = decoder, True
    assert same(engine.sample(REQUESTS, SAMPLING), expected)


class Recorded:
    """Replaces torch.cuda with a graph whose replays add `error` to the result of its step."""

    def __init__(self, error: float) -> None:
        self.error, self.capturing, self.streams = error, False, ["first"]

    def replay(self) -> None:
        self.result.copy_(self.step() + self.error)

    @contextlib.contextmanager
    def graph(self, graph: Any, pool: Any) -> Iterator[None]:
        self.capturing = True
        self.streams.append("capture")
        yield
        self.capturing = False

    def step(self) -> torch.Tensor:
        result = torch.tensor([3.0, -4.0])
        if self.capturing:
            self.result = result
        return result

    def install(self, patch: pytest.MonkeyPatch) -> None:
        class Stream:
            def wait_stream(self, other: Any) -> None: ...

        patch.setattr(torch.cuda, "Stream", Stream)
        patch.setattr(torch.cuda, "current_stream", Stream)
        patch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
        patch.setattr(torch.cuda, "set_stream", lambda _: self.streams.append("first"))
        patch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        patch.setattr(torch.cuda, "graph", self.graph)


def test_captured_graph_is_verified_before_use(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Recorded(0.1), Recorded(0.3)
    good.install(monkeypatch)
    assert graphs.captured(good.step, None)() is good.result
    assert good.streams == ["first", "capture", "first"]
    bad.install(monkeypatch)
    with pytest.raises(RuntimeError, match="logits of a graph differ"):
        graphs.captured(bad.step, None)
