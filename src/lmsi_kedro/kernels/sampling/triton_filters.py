"""The second kernel of the GPU sampler: applies the filters to a few candidates and samples among them.

A candidate is stored as one integer, its order, which is larger for a larger logit or, among equal logits, for a
lower token id. The threshold (cut) of top-k or top-p is therefore a single number, found by bisection, and ties
need no special case.
"""

# Triton interprets annotations itself, and compile-time arguments are in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803

import triton
import triton.language as tl

from .triton_weights import LAST_ID, philox, scaled_up, target_of, weights_of

ID_BITS = tl.constexpr(19)
LOWEST = tl.constexpr(-(1 << 50))  # below every order: 32 bits of logit, 19 of token id
HIGHEST = tl.constexpr(1 << 50)


@triton.jit
def orders_of(logits, ids):
    """One integer per token: larger for a larger logit or, among equal logits, for a lower id."""
    bits = tl.where(logits == 0, 0.0, logits).to(tl.int32, bitcast=True)  # -0.0 equals 0.0
    signed = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (signed.to(tl.int64) << ID_BITS) + (ids ^ LAST_ID)


@triton.jit
def logits_of(orders):
    signed = (orders >> ID_BITS).to(tl.int32)
    return (signed ^ ((signed >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit
def kth_lane(lanes, k, BLOCK: tl.constexpr):
    """A lower bound of the k-th largest logit: the k-th largest of the lanes' maxima."""
    bits = lanes.to(tl.int32, bitcast=True)
    keys = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    key = tl.full((), -(1 << 31), tl.int64)
    for step in range(32):
        trial = key + (tl.full((), 1, tl.int64) << (31 - step))
        key = tl.where(tl.sum((keys >= trial.to(tl.int32)).to(tl.int32)) >= k, trial, key)
    reached = tl.where(keys >= key.to(tl.int32), lanes, float("inf"))
    return tl.where(k <= BLOCK, tl.min(reached), float("-inf"))


@triton.jit
def gather(row, vocabulary, lanes, floor, found, places, BLOCK: tl.constexpr, SIZE: tl.constexpr):
    """Writes the orders of all tokens whose logit is at least `floor`, by ascending id; returns their number.

    Only the lanes that contain such a token are read: for top-k these are k lanes, or more if maxima are equal.
    """
    holds = (lanes >= floor).to(tl.int32)
    held = tl.sum(holds)
    tl.store(places + tl.cumsum(holds) - 1, tl.arange(0, BLOCK), mask=holds > 0)
    tl.debug_barrier()  # other threads read what this thread wrote
    size = held * tl.cdiv(vocabulary, BLOCK)
    count = tl.full((), 0, tl.int32)
    for begin in range(0, size, SIZE):
        at = begin + tl.arange(0, SIZE)
        ids = at // held * BLOCK + tl.load(places + at % held)
        inside = (at < size) & (ids < vocabulary)
        x = tl.load(row + ids, mask=inside, other=0.0).to(tl.float32)
        keep = (inside & (x >= floor)).to(tl.int32)
        tl.store(found + count + tl.cumsum(keep) - 1, orders_of(x, ids), mask=keep > 0)
        count += tl.sum(keep)
    tl.debug_barrier()
    return count


@triton.jit
def weights_at(found, begin, count, cut, peak, scale, min_weight, SIZE: tl.constexpr):
    """Returns ids of candidates and their weights; a candidate below `cut` or `min_weight` has weight 0."""
    at = begin + tl.arange(0, SIZE)
    orders = tl.load(found + at, mask=at < count, other=LOWEST)
    weights = weights_of(logits_of(orders), peak, scale)
    kept = (at < count) & (orders >= cut) & (weights >= min_weight)
    return ((orders & LAST_ID) ^ LAST_ID).to(tl.int32), tl.where(kept, weights, 0)


@triton.jit
def weight_of(found, count, cut, peak, scale, min_weight, SIZE: tl.constexpr):
    """The total weight of all kept candidates."""
    total = tl.zeros((SIZE,), tl.int64)
    for begin in range(0, count, SIZE):
        _, weights = weights_at(found, begin, count, cut, peak, scale, min_weight, SIZE)
        total += weights
    return tl.sum(total)


@triton.jit
def split_at(found, count, cut, peak, scale, WEIGHTED: tl.constexpr, SIZE: tl.constexpr):
    """Returns the number or weight of the candidates at or above `cut`, the lowest of these candidates, and the
    highest candidate below `cut`.
    """
    total = tl.zeros((SIZE,), tl.int64)
    above, below = tl.full((SIZE,), HIGHEST, tl.int64), tl.full((SIZE,), LOWEST, tl.int64)
    for begin in range(0, count, SIZE):
        at = begin + tl.arange(0, SIZE)
        orders = tl.load(found + at, mask=at < count, other=LOWEST)
        reached = orders >= cut
        if WEIGHTED:
            total += tl.where(reached, weights_of(logits_of(orders), peak, scale), 0)
        else:
            total += reached.to(tl.int64)
        above = tl.minimum(above, tl.where(reached, orders, HIGHEST))
        below = tl.maximum(below, tl.where(reached, LOWEST, orders))
    return tl.sum(total), tl.min(above), tl.max(below)


@triton.jit
def cut_at(found, count, least, needed, peak, scale, WEIGHTED: tl.constexpr, SIZE: tl.constexpr):
    """The largest order at or above which the candidates reach `needed` in number or in weight.

    If all candidates together do not reach `needed`, it is `least`. Bisection from candidate to candidate takes
    about 8 steps for 50 candidates, and at most 51 steps for any number of them.
    """
    low, high = least, orders_of(peak, tl.full((), 0, tl.int32)) + 1
    while high - low > 1:
        trial = low + (high - low) // 2
        amount, above, below = split_at(found, count, trial, peak, scale, WEIGHTED, SIZE)
        enough = amount >= needed
        high = tl.where(enough, high, tl.maximum(below, low) + 1)
        low = tl.where(enough, above, low)
    return low


@triton.jit
def light_logit(peak, scale, weight):
    """A logit below which every token weighs less than max(weight, 1), with a safety margin of a factor of 2."""
    exponent = tl.log2(tl.maximum(weight, 1).to(tl.float64)) - 45.0 - 1e-6
    logit = (peak.to(tl.float64) + exponent / scale.to(tl.float64)).to(tl.float32)
    return logit - tl.abs(logit) * 1e-6


@triton.jit
def walk(found, count, cut, peak, scale, min_weight, bits, SIZE: tl.constexpr):
    """The sampled token among the candidates that all filters kept."""
    total = weight_of(found, count, cut, peak, scale, min_weight, SIZE)
    target = target_of(bits, total)
    token = tl.full((), LAST_ID, tl.int32)
    before = tl.full((), 0, tl.int64)
    for begin in range(0, count, SIZE):
        ids, weights = weights_at(found, begin, count, cut, peak, scale, min_weight, SIZE)
        sums = before + tl.cumsum(weights)
        token = tl.minimum(token, tl.min(tl.where(sums > target, ids, LAST_ID)))
        before += tl.sum(weights)
    return token


@triton.jit
def filter_kernel(logits, stride, rows, vocabulary, counters, scales, thresholds, maxima, totals, log_normals,
                  tokens, logprobs, faults, candidates, places, TOP_K: tl.constexpr, TOP_P: tl.constexpr,
                  BLOCK: tl.constexpr, SIZE: tl.constexpr):  # fmt: skip
    """Samples the token of each row with filters; it reads only the few lanes that contain candidates."""
    scale = tl.load(scales)
    top_k, nucleus = tl.load(thresholds), tl.load(thresholds + 1)
    min_weight = tl.load(thresholds + 2)
    program = tl.cast(tl.program_id(0), tl.int64)
    found, places = candidates + program * vocabulary, places + program * BLOCK
    for number in range(tl.program_id(0), rows, tl.num_programs(0)):
        if tl.load(faults + number) == 0:
            row = logits + tl.cast(number, tl.int64) * stride
            lanes = tl.load(maxima + tl.cast(number, tl.int64) * BLOCK + tl.arange(0, BLOCK))
            peak = tl.max(lanes)
            total = tl.load(totals + number)
            needed = scaled_up(nucleus, total)
            if TOP_K:
                floor = tl.maximum(kth_lane(lanes, top_k, BLOCK), light_logit(peak, scale, 1))
            elif TOP_P:
                floor = light_logit(peak, scale, (total - needed) // vocabulary)
            else:
                floor = light_logit(peak, scale, min_weight)
            count = gather(row, vocabulary, lanes, floor, found, places, BLOCK, SIZE)
            cut = orders_of(floor, tl.full((), LAST_ID, tl.int32))  # no candidate is lower
            if TOP_K:
                cut = cut_at(found, count, cut, top_k, peak, scale, False, SIZE)
                needed = scaled_up(nucleus, weight_of(found, count, cut, peak, scale, 0, SIZE))
            if TOP_P:
                cut = cut_at(found, count, cut, needed, peak, scale, True, SIZE)
            bits = philox(counters, number)
            token = walk(found, count, cut, peak, scale, min_weight, bits, SIZE)
            logit = tl.load(row + token).to(tl.float64) - peak.to(tl.float64)
            tl.store(tokens + number, token.to(tl.int64))
            tl.store(logprobs + number, logit - tl.load(log_normals + number))
            tl.debug_barrier()  # the next row overwrites memory that this row reads
