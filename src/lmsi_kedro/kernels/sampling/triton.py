"""The sampler on a GPU: integer weights as in `reference`, so the same tokens as the C++.

Persistent programs, a row at a time. Without filters a row is read twice (maximum; weights) and one
block of it a third time. A filter never sorts: a cheap lower bound leaves few candidates, and the
exact cut among them is found by `triton_candidates`. Knows nothing of models or steps.
"""

# Triton reads annotations itself, and writes compile-time arguments in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803, N806

import functools
from typing import Any

import torch
import triton
import triton.language as tl

from .rules import LogitsError, Rules
from .triton_candidates import (
    ID_BITS,
    LAST_ID,
    LOWEST,
    amount_of,
    cut_at,
    gather,
    light_logit,
    load_block,
    orders_of,
    scaled_up,
    target_of,
    walk,
    weights_of,
)

FAULTS = ("", "logits hold NaN", "logits hold +inf", "every logit is -inf")


@triton.jit
def _philox(counters, row):
    """64 bits of Philox4x32-10."""
    seed = tl.load(counters + 4 * row).to(tl.uint64, bitcast=True)
    stream = tl.load(counters + 4 * row + 1).to(tl.uint64, bitcast=True)
    low: tl.constexpr = 0xFFFFFFFF
    a, b = stream & low, stream >> 32
    c = tl.load(counters + 4 * row + 2).to(tl.uint64, bitcast=True) & low
    d = tl.load(counters + 4 * row + 3).to(tl.uint64, bitcast=True) & low
    key, other = seed & low, seed >> 32
    for _ in range(10):
        first = a * 0xD2511F53
        second = c * 0xCD9E8D57
        a, b, c, d = (second >> 32) ^ b ^ key, second & low, (first >> 32) ^ d ^ other, first & low
        key = (key + 0x9E3779B9) & low
        other = (other + 0xBB67AE85) & low
    return a | (b << 32)


@triton.jit
def _peak(row, vocabulary, BLOCK: tl.constexpr):
    """The largest logit of each lane, and whether any logit is NaN."""
    lanes = tl.full((BLOCK,), float("-inf"), tl.float32)
    nan = tl.zeros((BLOCK,), tl.int32)
    for begin in range(0, vocabulary, BLOCK):
        _, x = load_block(row, begin, vocabulary, BLOCK)
        lanes = tl.where(x > lanes, x, lanes)
        nan |= (x != x).to(tl.int32)
    return lanes, tl.max(nan)


@triton.jit
def _sums(row, vocabulary, peak, scale, WEIGH: tl.constexpr, BLOCK: tl.constexpr,
          BLOCKS: tl.constexpr):  # fmt: skip
    """sum(exp(logit - peak)), and, where needed, the weight of each block."""
    number = tl.arange(0, BLOCKS)
    blocks = tl.zeros((BLOCKS,), tl.int64)
    normal = tl.zeros((BLOCK,), tl.float32)
    for begin in range(0, vocabulary, BLOCK):
        _, x = load_block(row, begin, vocabulary, BLOCK)
        normal += tl.exp2((x - peak) * 1.4426950408889634)
        if WEIGH:
            weight = tl.sum(weights_of(x, peak, scale))
            blocks = tl.where(number == begin // BLOCK, weight, blocks)
    return tl.sum(normal.to(tl.float64)), blocks


@triton.jit
def _of_all(row, vocabulary, peak, scale, bits, blocks, BLOCK: tl.constexpr, BLOCKS: tl.constexpr):
    """The token without filters: first its block, then its place."""
    target = target_of(bits, tl.sum(blocks))
    ends = tl.cumsum(blocks)
    block = tl.sum((ends <= target).to(tl.int32))
    before = tl.sum(tl.where(tl.arange(0, BLOCKS) < block, blocks, 0))
    ids, x = load_block(row, block * BLOCK, vocabulary, BLOCK)
    sums = before + tl.cumsum(weights_of(x, peak, scale))
    return tl.min(tl.where(sums > target, ids, LAST_ID))


@triton.jit
def _kth_lane(lanes, k, BLOCK: tl.constexpr):
    """A lower bound of the k-th largest logit: the k-th largest maximum of a lane."""
    keys = orders_of(lanes, tl.zeros((BLOCK,), tl.int32)) >> ID_BITS
    key = tl.full((), -(1 << 31), tl.int64)
    for step in range(32):
        trial = key + (tl.full((), 1, tl.int64) << (31 - step))
        key = tl.where(tl.sum((keys >= trial).to(tl.int64)) >= k, trial, key)
    reached = tl.where(keys >= key, lanes, float("inf"))
    return tl.where(k <= BLOCK, tl.min(reached), float("-inf"))


@triton.jit
def _of_kept(row, vocabulary, lanes, peak, scale, rules, bits, blocks, found, TOP_K: tl.constexpr,
             TOP_P: tl.constexpr, BLOCK: tl.constexpr, SIZE: tl.constexpr):  # fmt: skip
    """The token with filters."""
    top_k, nucleus, min_weight = tl.load(rules), tl.load(rules + 1), tl.load(rules + 2)
    needed = scaled_up(nucleus, tl.sum(blocks))
    if TOP_K:
        floor = _kth_lane(lanes, top_k, BLOCK)
    elif TOP_P:
        floor = light_logit(peak, scale, (tl.sum(blocks) - needed) // vocabulary)
    else:
        floor = light_logit(peak, scale, min_weight)
    count = gather(row, vocabulary, floor, found, BLOCK)
    cut = tl.full((), LOWEST, tl.int64)
    if TOP_K:
        cut = cut_at(found, count, cut, top_k, peak, scale, False, SIZE)
        needed = scaled_up(nucleus, amount_of(found, count, cut, peak, scale, 0, True, SIZE))
    if TOP_P:
        cut = cut_at(found, count, cut, needed, peak, scale, True, SIZE)
    return walk(found, count, cut, peak, scale, min_weight, bits, SIZE)


@triton.jit
def _first(row, vocabulary, peak, BLOCK: tl.constexpr):
    """The lowest id of the largest logit."""
    token = tl.full((), LAST_ID, tl.int32)
    for begin in range(0, vocabulary, BLOCK):
        ids, x = load_block(row, begin, vocabulary, BLOCK)
        token = tl.minimum(token, tl.min(tl.where(x == peak, ids, LAST_ID)))
    return token


@triton.jit
def _kernel(logits, stride, rows, vocabulary, counters, scales, rules, candidates, tokens, logprobs,
            faults, GREEDY: tl.constexpr, TOP_K: tl.constexpr, TOP_P: tl.constexpr,
            MIN_P: tl.constexpr, BLOCK: tl.constexpr, BLOCKS: tl.constexpr,
            SIZE: tl.constexpr):  # fmt: skip
    scale = tl.load(scales)
    found = candidates + tl.cast(tl.program_id(0), tl.int64) * vocabulary
    for number in range(tl.program_id(0), rows, tl.num_programs(0)):
        row = logits + tl.cast(number, tl.int64) * stride
        lanes, nan = _peak(row, vocabulary, BLOCK)
        peak = tl.max(lanes)
        fault = tl.where(peak == float("-inf"), 3, tl.where(peak == float("inf"), 2, 0))
        fault = tl.where(nan > 0, 1, fault)
        tl.store(faults + number, fault)
        if fault == 0:
            WEIGH: tl.constexpr = (not GREEDY) and (not TOP_K) and (TOP_P or (not MIN_P))
            normal, blocks = _sums(row, vocabulary, peak, scale, WEIGH, BLOCK, BLOCKS)
            if GREEDY:
                token = _first(row, vocabulary, peak, BLOCK)
            else:
                bits = _philox(counters, number)
                if TOP_K or TOP_P or MIN_P:
                    token = _of_kept(row, vocabulary, lanes, peak, scale, rules, bits, blocks,
                                     found, TOP_K, TOP_P, BLOCK, SIZE)  # fmt: skip
                else:
                    token = _of_all(row, vocabulary, peak, scale, bits, blocks, BLOCK, BLOCKS)
            drawn = tl.load(row + token).to(tl.float64) - peak.to(tl.float64)
            tl.store(tokens + number, token.to(tl.int64))
            tl.store(logprobs + number, drawn - tl.log(normal))


@functools.lru_cache(maxsize=64)
def _on_device(rules: Rules, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and thresholds as tensors, kept for the next call."""
    nucleus = rules.nucleus - (1 << 64) if rules.nucleus >= 1 << 63 else rules.nucleus
    thresholds = [min(rules.top_k, 1 << 62), nucleus, rules.min_weight]
    return (
        torch.tensor([rules.scale], dtype=torch.float32, device=device),
        torch.tensor(thresholds, dtype=torch.int64, device=device),
    )


def launch(
    logits: torch.Tensor, rules: Rules, counters: torch.Tensor, block: int = 4096, size: int = 1024
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, log-probabilities and faults (see FAULTS) on the logits' device; waits for nothing."""
    rows, vocabulary = logits.shape
    device = logits.device
    if vocabulary > 1 and logits.stride(1) != 1:
        logits = logits.contiguous()
    counters = counters.to(device).view(torch.int64).contiguous()
    tokens = torch.zeros(rows, dtype=torch.int64, device=device)
    logprobs = torch.zeros(rows, dtype=torch.float64, device=device)
    faults = torch.zeros(rows, dtype=torch.int32, device=device)
    if rows == 0:
        return tokens, logprobs, faults
    flags = {
        "GREEDY": rules.scale == 0,
        "TOP_K": 0 < rules.top_k < vocabulary,
        "TOP_P": rules.nucleus > 0,
        "MIN_P": rules.min_weight > 0,
    }
    programs = min(rows, _programs(device))
    filtered = any(flags.values()) and not flags["GREEDY"]
    candidates = torch.empty(
        programs * vocabulary if filtered else 1, dtype=torch.int64, device=device
    )
    options: dict[str, Any] = {"num_warps": 8, "enable_fp_fusion": False} if logits.is_cuda else {}
    _kernel[(programs,)](
        logits, logits.stride(0), rows, vocabulary, counters, *_on_device(rules, device),
        candidates, tokens, logprobs, faults, **flags, BLOCK=block,
        BLOCKS=triton.next_power_of_2(triton.cdiv(vocabulary, block)), SIZE=size,
        **options,
    )  # fmt: skip
    return tokens, logprobs, faults


def _programs(device: torch.device) -> int:
    """Four programs per multiprocessor hide the reductions of one behind the loads of another."""
    if device.type != "cuda":
        return 3
    return int(torch.cuda.get_device_properties(device).multi_processor_count) * 4


def sample_tokens(
    logits: torch.Tensor, rules: Rules, counters: torch.Tensor, **sizes: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """As the public function; waits for the device to look for faults."""
    tokens, logprobs, faults = launch(logits, rules, counters, **sizes)
    bad = torch.nonzero(faults)
    if len(bad):
        row = int(bad[0])
        raise LogitsError(row, FAULTS[int(faults[row])])
    return tokens, logprobs
