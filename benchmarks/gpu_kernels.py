"""The sections of benchmarks/gpu.py that check each kernel against its reference and time the sampler."""

from collections.abc import Iterator
from functools import partial
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
    ROWS,
    SHAPE,
    SHARED,
    SMALL,
    VOCABULARY,
    Row,
    figure,
    seconds,
)
from result import figure as compared

from lmsi_kedro.kernels import sample_tokens
from lmsi_kedro.kernels.attention import Prefixes
from lmsi_kedro.kernels.attention import reference as attention_reference
from lmsi_kedro.kernels.attention import triton as attention_triton
from lmsi_kedro.kernels.sampling import triton as sampling_triton
from lmsi_kedro.kernels.sampling.rules import Rules
from lmsi_kedro.kernels.votes import reference as votes_reference
from lmsi_kedro.kernels.votes import triton as votes_triton
from lmsi_kedro.params import Sampling

draw = partial(Sampling, temperature=0.7, max_new_tokens=1, seed=0)
FILTERED = draw(top_k=40, top_p=0.95, min_p=0.01)
PLANS = draw(), draw(temperature=0.0), draw(top_p=0.95), draw(min_p=0.05), FILTERED


def filters(plan: Sampling) -> str:
    return f"T {plan.temperature} k {plan.top_k} p {plan.top_p} min {plan.min_p}"


def votes() -> Iterator[Row]:
    ids = np.random.default_rng(0).integers(-2, 6, (3 if SMALL else 2000, PATHS))
    columns = votes_triton.count_votes(torch.from_numpy(ids).to(DEVICE))[:-1]
    found = zip(*(column.tolist() for column in columns), strict=True)
    wrong = sum(row != expected_vote(question) for row, question in zip(found, ids, strict=True))
    yield Row(f"votes of {len(ids)} questions", f"{wrong} differ", "0 differ", wrong == 0)


def expected_vote(question: np.ndarray) -> tuple[float, ...]:
    present = question[question != votes_triton.ABSENT]
    keys = [None if i == votes_triton.UNREADABLE else str(i) for i in present]
    vote = votes_reference.count_question(keys, None)
    return (int(vote.key or votes_triton.UNREADABLE), *vote[1:-1])


def logits_of(rows: int, dtype: torch.dtype) -> tuple[torch.Tensor, np.ndarray]:
    g = torch.Generator(DEVICE).manual_seed(0)
    logits = (3 * torch.randn(rows, VOCABULARY, generator=g, device=DEVICE)).to(dtype)
    return logits, np.arange(4 * rows, dtype=np.uint64).reshape(rows, 4)


def sampled() -> Iterator[Row]:
    """Compare tokens and log-probabilities with those of the CPU."""
    for dtype in (torch.float32, torch.bfloat16):
        logits, counters = logits_of(min(ROWS, 64), dtype)
        for plan in PLANS:
            bits = torch.from_numpy(counters.view(np.int64))
            tokens, logprobs = sampling_triton.sample_tokens(logits, Rules.of(plan), bits)
            expected, theirs = sample_tokens(logits.cpu(), plan, counters)
            wrong = int((tokens.cpu() != expected).sum())
            error = float((logprobs.cpu() - theirs).abs().max())
            what = f"tokens of {len(logits)} rows, {dtype}, {filters(plan)}"
            met = wrong == 0 and error < 1e-5
            yield Row(what, f"{wrong} differ, log-probability {error:.0e}", "0 differ, 1e-5", met)


def sampler() -> Iterator[Row]:
    """Compare the time of the sampler with that of a copy of the logits."""
    for dtype in (torch.float32, torch.bfloat16):
        logits, counters = logits_of(ROWS, dtype)
        size, other = logits.nbytes, torch.empty_like(logits)
        on_device = torch.from_numpy(counters.view(np.int64)).to(DEVICE)
        copied = 2 * size / seconds(partial(other.copy_, logits))
        yield Row(f"copy, {dtype}", f"{copied / 1e12:.2f} TB/s")
        for plan in PLANS:
            rules = Rules.of(plan)
            took = seconds(partial(sampling_triton.launch, logits, rules, on_device))
            share = size / took / copied
            what = f"sampler {ROWS} x {VOCABULARY}, {dtype}, {filters(plan)}"
            found = f"{1e3 * took:.3f} ms, {share:.0%} of the copy"
            if plan is PLANS[0]:
                against = compared(what, "ms", 1e3 * took, "copy", 1e3 * size / copied)
                yield figure(what, found, "at least 55 %", share >= 0.55, against)
            elif plan is FILTERED and dtype == torch.bfloat16:
                yield figure(what, found, "at most 0.40 ms", took <= 0.4e-3)
            else:
                yield Row(what, found)


def attention_case(rows: int, dtype: torch.dtype, flat: bool = False) -> dict[str, Any]:
    """Return the inputs of a decoding step in the middle of a chunk; if flat, each row has its own prompt."""
    heads, shared_heads = SHAPE["num_attention_heads"], SHAPE["num_key_value_heads"]
    width, g = SHAPE["hidden_size"] // heads, torch.Generator(DEVICE).manual_seed(0)

    def random(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=g, device=DEVICE).to(dtype)

    def prefixes(count: int, length: int) -> Any:
        size = (count, shared_heads, length, width)
        lengths = tuple(max(0, length - i % 3) for i in range(count))
        return Prefixes(random(*size), random(*size), lengths)

    questions, place = rows if flat else -(-rows // PATHS), torch.arange(rows)
    paths = torch.stack([place if flat else place // PATHS, place, place % NEW], 1).to(DEVICE)
    return {
        "query": random(rows, heads, width), "key": random(rows, shared_heads, width),
        "value": random(rows, shared_heads, width), "paths": paths, "scale": width**-0.5,
        "own": (random(rows, shared_heads, NEW, width), random(rows, shared_heads, NEW, width)),
        "shared": prefixes(1, 0 if flat else SHARED),
        "questions": prefixes(questions, SHARED + QUESTION if flat else QUESTION),
    }  # fmt: skip


def wide(given: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs converted to float32."""
    changed = {name: given[name].float() for name in ("query", "key", "value")}
    changed["own"] = tuple(buffer.float() for buffer in given["own"])
    for level in ("shared", "questions"):
        old = given[level]
        changed[level] = Prefixes(old.keys.float(), old.values.float(), old.lengths)
    return given | changed


def attention() -> Iterator[Row]:
    rows = BATCHES[0] - 3
    for dtype, most in ((torch.float32, 1e-5), (torch.bfloat16, 1e-2), (torch.float16, 2e-3)):
        given = attention_case(rows, dtype)
        found = attention_triton.attend_step(**given).float()
        expected = attention_reference.attend_step(**wide(given))
        error = float((found - expected).abs().max() / expected.abs().max())
        yield Row(f"attention of {rows} rows, {dtype}", f"{error:.1e}", f"{most:.0e}", error < most)
    rows = BATCHES[-1]
    tree, flat = attention_case(rows, DTYPE), attention_case(rows, DTYPE, flat=True)
    one, two = (
        seconds(partial(attention_triton.attend_step, **case), captured=True)
        for case in (tree, flat)
    )
    yield Row(
        f"attention of {rows} rows, a layer", f"{1e6 * one:.0f} us; flat takes {two / one:.1f}x"
    )
