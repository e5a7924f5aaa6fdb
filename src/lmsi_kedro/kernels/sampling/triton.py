"""The sampler on a GPU, with integer weights as in `reference` and therefore the same tokens as the C++.

Persistent programs process one row at a time. A row is read twice: for its maximum, and for the weights relative
to the maximum. Sampling without filters then reads one block again. Filters do not sort: the maxima of the lanes
(a lane is every BLOCK-th logit) give a lower bound of the threshold, and `triton_filters` reads again only the
lanes whose maximum is above it: about k lanes for top-k, and nearly all lanes for top-p alone.
"""

# Triton interprets annotations itself, and compile-time arguments are in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803

import functools
from typing import Any

import torch
import triton
import triton.language as tl

from .rules import LogitsError, Rules
from .triton_filters import filter_kernel
from .triton_weights import LAST_ID, load_block, philox, target_of, weights_of

FAULTS = ("", "logits hold NaN", "logits hold +inf", "every logit is -inf")


@triton.jit
def _peaks(row, vocabulary, BLOCK: tl.constexpr):
    """The largest logit of each lane, or NaN if the lane contains NaN."""
    lanes = tl.full((BLOCK,), float("-inf"), tl.float32)
    for begin in range(0, vocabulary, BLOCK):
        _, x = load_block(row, begin, vocabulary, BLOCK)
        lanes = tl.maximum(lanes, x, propagate_nan=tl.PropagateNan.ALL)
    return lanes


@triton.jit
def _sums(row, vocabulary, peak, scale, GREEDY: tl.constexpr, WEIGH: tl.constexpr,
          BLOCK: tl.constexpr, BLOCKS: tl.constexpr):  # fmt: skip
    """Returns sum(exp(logit - peak)), the first id of the peak (if GREEDY), and each block's weight (if WEIGH).

    The row is read from its end, part of which may still be in the cache.
    """
    number = tl.arange(0, BLOCKS)
    blocks = tl.zeros((BLOCKS,), tl.int64)
    normal = tl.zeros((BLOCK,), tl.float32)
    first = tl.full((BLOCK,), LAST_ID, tl.int32)
    last = (vocabulary - 1) // BLOCK
    for step in range(last + 1):
        ids, x = load_block(row, (last - step) * BLOCK, vocabulary, BLOCK)
        normal += tl.exp2((x - peak) * 1.4426950408889634)
        if GREEDY:
            first = tl.where(x == peak, ids, first)
        if WEIGH:
            blocks = tl.where(number == last - step, tl.sum(weights_of(x, peak, scale)), blocks)
    return tl.sum(normal.to(tl.float64)), tl.min(first), blocks


@triton.jit
def _of_all(row, vocabulary, peak, scale, bits, blocks, BLOCK: tl.constexpr, BLOCKS: tl.constexpr):
    """Samples a token without filters: finds its block first, then its position in the block."""
    target = target_of(bits, tl.sum(blocks))
    ends = tl.cumsum(blocks)
    block = tl.sum((ends <= target).to(tl.int32))
    before = tl.sum(tl.where(tl.arange(0, BLOCKS) < block, blocks, 0))
    ids, x = load_block(row, block * BLOCK, vocabulary, BLOCK)
    sums = before + tl.cumsum(weights_of(x, peak, scale))
    return tl.min(tl.where(sums > target, ids, LAST_ID))


@triton.jit
def _kernel(logits, stride, rows, vocabulary, counters, scales, maxima, totals, log_normals, tokens, logprobs,
            faults, GREEDY: tl.constexpr, FILTERED: tl.constexpr, WEIGH: tl.constexpr,
            BLOCK: tl.constexpr, BLOCKS: tl.constexpr):  # fmt: skip
    """Stores the token of each row, or the values that `filter_kernel` needs to find it."""
    scale = tl.load(scales)
    for number in range(tl.program_id(0), rows, tl.num_programs(0)):
        row = logits + tl.cast(number, tl.int64) * stride
        lanes = _peaks(row, vocabulary, BLOCK)
        peak = tl.max(tl.where(lanes == lanes, lanes, float("-inf")))
        fault = tl.where(peak == float("-inf"), 3, tl.where(peak == float("inf"), 2, 0))
        fault = tl.where(tl.max((lanes != lanes).to(tl.int32)) > 0, 1, fault)
        tl.store(faults + number, fault)
        if fault == 0:
            normal, token, blocks = _sums(
                row, vocabulary, peak, scale, GREEDY, WEIGH, BLOCK, BLOCKS
            )
            if FILTERED:
                tl.store(maxima + tl.cast(number, tl.int64) * BLOCK + tl.arange(0, BLOCK), lanes)
                tl.store(totals + number, tl.sum(blocks))
                tl.store(log_normals + number, tl.log(normal))
            else:
                if not GREEDY:
                    bits = philox(counters, number)
                    token = _of_all(row, vocabulary, peak, scale, bits, blocks, BLOCK, BLOCKS)
                logit = tl.load(row + token).to(tl.float64) - peak.to(tl.float64)
                tl.store(tokens + number, token.to(tl.int64))
                tl.store(logprobs + number, logit - tl.log(normal))


@functools.lru_cache(maxsize=64)
def _on_device(rules: Rules, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The scale and the thresholds as tensors, cached for later calls."""
    nucleus = rules.nucleus - (1 << 64) if rules.nucleus >= 1 << 63 else rules.nucleus
    thresholds = [min(rules.top_k, 1 << 62), nucleus, rules.min_weight]
    return (
        torch.tensor([rules.scale], dtype=torch.float32, device=device),
        torch.tensor(thresholds, dtype=torch.int64, device=device),
    )


def launch(
    logits: torch.Tensor, rules: Rules, counters: torch.Tensor, block: int = 0, size: int = 0
) -> list[torch.Tensor]:
    """Computes tokens, log-probabilities and faults (see FAULTS) on the logits' device, without synchronising.

    block is the number of lanes, and size the number of candidates that are processed at a time. A value of 0 is
    replaced by one that suits the filters.
    """
    rows, vocabulary = logits.shape
    device = logits.device
    if vocabulary > 1 and logits.stride(1) != 1:
        logits = logits.contiguous()
    types = torch.int64, torch.float64, torch.int32
    results = [torch.zeros(rows, dtype=dtype, device=device) for dtype in types]
    if rows == 0:
        return results
    counters = counters.to(device).view(torch.int64).contiguous()
    scale, thresholds = _on_device(rules, device)
    inputs = logits, logits.stride(0), rows, vocabulary, counters, scale
    greedy, top_k, top_p = rules.scale == 0, 0 < rules.top_k < vocabulary, rules.nucleus > 0
    filtered = not greedy and (top_k or top_p or rules.min_weight > 0)
    # With a small k there are few candidates in few lanes. Fewer threads are then faster than many, because they
    # wait less for each other.
    few = top_k and rules.top_k <= 256
    block = block or (2048 if few else 4096)
    maxima = (rows * block if filtered else 1, torch.float32)
    kept = _empty(device, maxima, (rows, torch.int64), (rows, torch.float64))
    _kernel[(_programs(rows, device),)](
        *inputs, *kept, *results, GREEDY=greedy, FILTERED=filtered,
        WEIGH=not greedy and (not filtered or (top_p and not top_k)), BLOCK=block,
        BLOCKS=triton.next_power_of_2(triton.cdiv(vocabulary, block)),
        **_options(device, num_warps=8, maxnreg=64),
    )  # fmt: skip
    if filtered:
        fixed = {
            "TOP_K": top_k,
            "TOP_P": top_p,
            "BLOCK": block,
            "SIZE": size or (128 if few else 1024),
        }
        options = _options(device, num_warps=2 if few else 8)
        _filter([*inputs, thresholds, *kept, *results], fixed, options)
    return results


def _filter(inputs: list[Any], fixed: dict[str, int], options: dict[str, Any]) -> None:
    """Launches `filter_kernel`; each program has space for all tokens of a row, since all may be candidates."""
    logits = inputs[0]
    programs = _programs(len(logits), logits.device)
    length = programs * logits.shape[1]
    places = programs * fixed["BLOCK"]
    found = _empty(logits.device, (length, torch.int64), (places, torch.int32))
    filter_kernel[(programs,)](*inputs, *found, **fixed, **options)


def _empty(device: torch.device, *kinds: tuple[int, torch.dtype]) -> list[torch.Tensor]:
    """An uninitialised vector of each length and type."""
    return [torch.empty(length, dtype=dtype, device=device) for length, dtype in kinds]


def _options(device: torch.device, **options: int) -> dict[str, Any]:
    """Compile options on a GPU: products must not be fused into sums, so that they round as on the CPU."""
    return {**options, "enable_fp_fusion": False} if device.type == "cuda" else {}


def _programs(rows: int, device: torch.device) -> int:
    """Four programs per multiprocessor, so that the reductions of one overlap with the loads of another."""
    if device.type != "cuda":
        return min(rows, 3)
    return min(rows, torch.cuda.get_device_properties(device).multi_processor_count * 4)


def sample_tokens(
    logits: torch.Tensor, rules: Rules, counters: torch.Tensor, **sizes: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The public function for CUDA tensors; it synchronises to check for faults."""
    tokens, logprobs, faults = launch(logits, rules, counters, **sizes)
    bad = torch.nonzero(faults)
    if len(bad):
        row = int(bad[0])
        raise LogitsError(row, FAULTS[int(faults[row])])
    return tokens, logprobs
