"""Samples some chunks of a plan for a short time, and runs a forward pass on some training examples."""

import io
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from lmsi_kedro.commands.forecast.cost import Measured
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.model_files import weight_names
from lmsi_kedro.params import EngineParams

ROWS = 8  # examples in the forward pass
PASSES = 6


def measure(plan: Plan, texts: Sequence[str], seconds: float) -> Measured:
    """Measures how fast the plan's workers sample chunks of random questions; `texts` are training examples.

    A cluster is not measured; each of its workers is assumed to be as fast as a worker on this machine.
    """
    cluster = plan.engine.workers if plan.engine.executor == "ray" else 1
    if plan.engine.executor == "ray":
        here = {"executor": "processes", "workers": 1}
        plan = replace(plan, engine=plan.engine.model_copy(update=here))
    sampled = sample(plan.on(date.today()), seconds)
    engine = engine_for_training(plan.model, plan.sized)
    lengths = [len(engine.encoder.tokenizer.encode(text)) for text in texts]
    return Measured(
        paths=sampled.paths,
        tokens=sampled.tokens,
        bytes=sampled.bytes,
        tokens_per_second=sampled.rate * cluster,
        start_seconds=sampled.start_seconds,
        forward_tokens_per_second=forward_rate(engine, lengths),
        example_tokens=sum(lengths) / max(1, len(lengths)) + sampled.tokens / sampled.paths,
        parameters=engine.parameters,
        weight_bytes=sum((plan.model / n).stat().st_size for n in weight_names(plan.model)),
    )


@dataclass
class Sampled:
    """Counts chunks as they arrive. The workers' first chunks give the start-up time, all later ones the speed."""

    workers: int
    begin: float
    chunks: int = 0
    paths: int = 0
    tokens: int = 0
    bytes: int = 0
    first_tokens: int = 0  # tokens of the workers' first chunks
    started: float = 0.0  # the time at which the last of these was done
    last: float = 0.0

    def add(self, table: pl.DataFrame, now: float) -> None:
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        self.chunks, self.last = self.chunks + 1, now
        self.paths, self.bytes = self.paths + table.height, self.bytes + buffer.tell()
        self.tokens += int(table["tokens"].sum())
        if self.chunks <= self.workers:
            self.first_tokens, self.started = self.tokens, now

    @property
    def rate(self) -> float:
        """Tokens per second; this includes the start-up if there are no more chunks than workers."""
        if self.chunks > self.workers:
            return (self.tokens - self.first_tokens) / (self.last - self.started)
        return self.tokens / (self.last - self.begin)

    @property
    def start_seconds(self) -> float:
        return max(0.0, self.started - self.begin - self.first_tokens / self.rate)


def sample(plan: Plan, seconds: float) -> Sampled:
    """Samples for some seconds after all workers have started, and until there are more chunks than workers."""
    names = list(plan.chunks)
    Random(0).shuffle(names)
    sampled = Sampled(plan.sized.workers, time.monotonic())
    with closing(plan):
        for _, table in plan.executor.compute(plan.chunks, names):
            sampled.add(table, time.monotonic())
            if sampled.chunks > sampled.workers and sampled.last - sampled.started > seconds:
                break
    return sampled


def engine_for_training(model: Path, given: EngineParams) -> Any:
    """Returns the model for the forward pass that stands for training, which never uses int8."""
    import torch

    from lmsi_kedro.engines.local import LocalEngine

    if not torch.cuda.is_available():
        torch.set_num_threads(1)  # as in a worker
    if given.dtype == "int8":
        given = given.model_copy(update={"dtype": "auto"})
    dtype = getattr(torch, given.number_format)
    assert given.rows is not None
    return LocalEngine(model, dtype, given.conversation, given.trust_remote_code, given.rows)


def forward_rate(engine: Any, lengths: list[int]) -> float:
    """Returns the tokens per second of a plain forward pass over a batch of training examples."""
    import torch

    width = max(1, round(sum(lengths) / max(1, len(lengths))))
    ids = torch.ones(ROWS, width, dtype=torch.long, device=engine.model.device)
    engine.model.set_attn_implementation("sdpa")
    with torch.inference_mode():
        engine.model(ids, logits_to_keep=1)
        start = time.monotonic()
        for _ in range(PASSES):
            engine.model(ids, logits_to_keep=1).logits.sum().item()
    return PASSES * ROWS * width / (time.monotonic() - start)
