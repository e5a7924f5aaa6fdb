"""The sections of benchmarks/gpu.py that compare decoding with HF generate and measure a training step.

The model has the shape of Qwen2.5-1.5B and random weights. The shared prompt has 512 tokens and each question 40,
and each question has m = 32 paths of 128 tokens. Figures are wall time including prefill; each side uses the batch
size at which it is fastest. "Flat" is our engine without shared prompts.
"""

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_case import (
    BATCHES,
    DEVICE,
    DTYPE,
    NEW,
    PATHS,
    QUESTION,
    SHAPE,
    SHARED,
    SMALL,
    Row,
    figure,
    seconds,
)
from result import Figure
from result import figure as compared
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.graphs import GraphDecoder
from lmsi_kedro.engines.local.rows import Stops
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.params import Sampling

BASE = Path(__file__).parents[1] / "data/06_models/base"  # for its tokenizer


@cache
def folder() -> tuple[Path, Any]:
    """Return the folder of a model with random weights and a tokenizer, and the object that deletes it at exit."""
    kept = tempfile.TemporaryDirectory()
    torch.manual_seed(0)
    with torch.device(DEVICE):
        config = Qwen2Config(**SHAPE, tie_word_embeddings=True, max_position_embeddings=4096,
                             bos_token_id=None, eos_token_id=None, pad_token_id=0)  # fmt: skip
        model: Any = Qwen2ForCausalLM(config)
    model = model.to(DTYPE)
    model.save_pretrained(kept.name)
    AutoTokenizer.from_pretrained(BASE).save_pretrained(kept.name)
    return Path(kept.name), kept


def prompts_of(questions: int) -> list[list[int]]:
    g = torch.Generator().manual_seed(2)
    ids = torch.randint(1, SHAPE["vocab_size"], (SHARED + questions * QUESTION,), generator=g)
    return [
        [*ids[:SHARED].tolist(), *own] for own in ids[SHARED:].view(questions, QUESTION).tolist()
    ]


def engine() -> Any:
    """Return our engine without stop tokens, so that paths never end early."""
    made = LocalEngine(folder()[0], DTYPE)
    made.stops = Stops(made.encoder, frozenset())
    made.stops.closing = np.zeros(0, np.int64)
    return made


def ours(made: Any, flat: bool) -> Callable[[int, int], int]:
    @torch.inference_mode()
    def write(rows: int, new: int) -> int:
        prompts, paths = prompts_of(rows // PATHS), PATHS
        if flat:
            each = [prompt for prompt in prompts for _ in range(PATHS)]
            # Different first tokens, so that there is no common prefix.
            prompts, paths = [[1 + row, *ids[1:]] for row, ids in enumerate(each)], 1
        requests = [Request(f"q{i}", "", range(paths)) for i in range(len(prompts))]
        sampling = Sampling(temperature=0.7, max_new_tokens=new, seed=1)
        made.decoder._shared = None
        return int(made.decode(requests, prompts, sampling, rows)["tokens"].sum())

    return write


def generate(model: Any) -> Callable[[int, int], int]:
    def write(rows: int, new: int) -> int:
        prompts = torch.tensor(prompts_of(rows // PATHS), device=DEVICE)
        written = model.generate(
            prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=0.7, top_k=0,
            num_return_sequences=PATHS, max_new_tokens=new,
        )  # fmt: skip
        return int(written[:, prompts.shape[1] :].numel())

    return write


def best(write: Callable[[int, int], int]) -> tuple[float, int]:
    """Return the tokens per second at the best batch size, and this batch size."""
    rates: dict[int, float] = {}
    for rows in BATCHES:
        try:
            write(rows, 2)  # compiles
            start = time.perf_counter()
            written = write(rows, NEW)
            rates[rows] = written / (time.perf_counter() - start)
            assert written == rows * NEW, written
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    rows = max(rates, key=lambda rows: rates[rows])
    return rates[rows], rows


@torch.inference_mode()
def graph_error(made: Any) -> float:
    """Return the largest error of the logits of replayed CUDA graphs, relative to the largest logit."""
    g = torch.Generator().manual_seed(3)
    tokens = torch.randint(1, SHAPE["vocab_size"], (4, 21), generator=g)
    logits = []
    for kind in (TreeDecoder, GraphDecoder):
        decoder = kind(made.model)
        decoder.start(prompts_of(3), 40, 4)
        decoder.add(torch.arange(21) // 7)
        logits.append(torch.stack([decoder.step(new).float() for new in tokens]))
    return float((logits[0] - logits[1]).abs().max() / logits[0].abs().max())


def against(peer: str, ours: float, theirs: float) -> Figure:
    return compared("decoding", "tokens/s", ours, peer, theirs)


def decoding() -> Iterator[Row]:
    made = engine()
    error = graph_error(made)
    yield Row("steps in buckets against eager ones", f"{error:.1e}", "5e-02", error < 0.05)
    rate, rows = best(ours(made, flat=False))
    graphs = getattr(made.decoder, "captures", False)
    found = f"{rate:.0f} tokens/s at {rows} rows, {type(made.decoder).__name__}"
    yield figure(f"ours, {made.parameters / 1e9:.2f}e9 parameters", found, "CUDA graphs", graphs)
    flat, at = best(ours(made, flat=True))
    found = f"{flat:.0f} tokens/s at {at} rows: {rate / flat:.2f}x"
    yield figure(
        "ours, flat", found, "at least 1.3x", rate >= 1.3 * flat, against("flat", rate, flat)
    )
    del made
    gc.collect()
    if not SMALL:
        torch.cuda.empty_cache()
    model: Any = AutoModelForCausalLM.from_pretrained(folder()[0], dtype=DTYPE)
    model = model.to(DEVICE).eval()
    peer, at = best(generate(model))
    found = f"{peer:.0f} tokens/s at {at} rows: {rate / peer:.2f}x"
    yield figure(
        "HF generate", found, "at least 5x", rate >= 5 * peer, against("HF generate", rate, peer)
    )


def training() -> Iterator[Row]:
    """Time forward and backward on few-shot examples, in a packed batch and in separate rows."""
    from lmsi_kedro.tasks.encoding import Encoded
    from lmsi_kedro.training.attention import NAME
    from lmsi_kedro.training.forest import pad, plant
    from lmsi_kedro.training.logits import on_device, target_logits

    model: Any = AutoModelForCausalLM.from_pretrained(folder()[0], dtype=DTYPE)
    model = model.to(DEVICE)
    prompts = prompts_of(4 if SMALL else 16)
    examples = [Encoded(ids + ids[SHARED:], SHARED + QUESTION) for ids in sorted(prompts)]
    losses, times = [], []
    for attention_of, arranged in (("sdpa", pad), (NAME, plant)):
        model.set_attn_implementation(attention_of)
        batch = on_device(arranged(examples), model.device)

        def step(batch: dict[str, Any] = batch) -> float:
            model.zero_grad()
            loss = cross_entropy(target_logits(model, model, batch).float(), batch["targets"])
            loss.backward()
            return loss.item()

        losses.append(step())
        times.append(seconds(step))
    found = f"{1e3 * times[1]:.0f} ms; separate rows take {times[0] / times[1]:.2f}x"
    near = abs(losses[0] - losses[1]) < 0.01 * losses[0]
    what = f"training step, {len(examples)} examples of {len(examples[0].ids)} tokens"
    yield Row(what, found, "losses within 1 %", near)
