"""Samples some of a plan's own chunks for a short time, and passes some training examples forward."""

import io
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from lmsi_kedro.commands.forecast.cost import Measured
from lmsi_kedro.engines.chunk import Chunk
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.model_files import weight_names

ROWS = 8  # examples in the forward pass


def measure(plan: Plan, texts: Sequence[str], seconds: float) -> Measured:
    """One worker on chunks drawn at random until the time is over; texts are training examples."""
    import torch

    from lmsi_kedro.engines.local import LocalEngine

    if not torch.cuda.is_available():
        torch.set_num_threads(1)  # as a worker does
    sized = plan.sized
    dtype = getattr(torch, sized.number_format)
    assert sized.rows is not None
    engine = LocalEngine(plan.model, dtype, sized.conversation, sized.trust_remote_code, sized.rows)
    paths, tokens, size, spent = sample(engine, list(plan.chunks.values()), seconds)
    lengths = [len(engine.encoder.tokenizer.encode(text)) for text in texts]
    return Measured(
        paths=paths,
        tokens=tokens,
        bytes=size,
        seconds=spent,
        forward_tokens_per_second=forward_rate(engine, lengths),
        example_tokens=sum(lengths) / max(1, len(lengths)),
        parameters=engine.parameters,
        weight_bytes=sum((plan.model / n).stat().st_size for n in weight_names(plan.model)),
    )


def sample(engine: Any, chunks: list[Chunk], seconds: float) -> tuple[int, int, int, float]:
    """Paths, tokens, bytes and seconds; at least one chunk."""
    Random(0).shuffle(chunks)
    paths = tokens = size = 0
    start = time.monotonic()
    for chunk in chunks:
        table = engine.sample(chunk.requests, chunk.sampling)
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        paths, tokens = paths + table.height, tokens + int(table["tokens"].sum())
        size += buffer.tell()
        if time.monotonic() - start > seconds:
            break
    return paths, tokens, size, time.monotonic() - start


def forward_rate(engine: Any, lengths: list[int]) -> float:
    """Tokens a second of a plain forward pass over a batch of training examples."""
    import torch

    width = max(1, round(sum(lengths) / max(1, len(lengths))))
    ids = torch.ones(ROWS, width, dtype=torch.long, device=engine.model.device)
    engine.model.set_attn_implementation("sdpa")
    with torch.inference_mode():
        engine.model(ids, logits_to_keep=1)
        start = time.monotonic()
        engine.model(ids, logits_to_keep=1).logits.sum().item()
    return ROWS * width / (time.monotonic() - start)
