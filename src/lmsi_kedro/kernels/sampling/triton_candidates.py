"""Parts of the GPU sampler that know candidates only: weights, orders, exact cuts, the draw.

A candidate is stored as one integer, its order: larger for a larger logit, then for a lower token
id. So the cut of top-k or top-p is a single number, found bit by bit, and ties need no care.
"""

# Triton reads annotations itself, and writes compile-time arguments in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803

import triton
import triton.language as tl

ID_BITS = tl.constexpr(19)
LAST_ID = tl.constexpr((1 << 19) - 1)
LOWEST = tl.constexpr(-(1 << 50))  # below every order: 32 bits of logit, 19 of token id
HALF = tl.constexpr(12582912.0)  # 1.5 * 2**23: adding it rounds to an integer


@triton.jit
def weights_of(logits, peak, scale):
    """floor(2**44 * power((logit - peak) * scale)), see reference."""
    y = (logits - peak) * scale
    y = tl.where(y > -64.0, y, -64.0)
    n = (y + HALF) - HALF
    f = y - n
    p = tl.full(y.shape, 0.0013264709, tl.float32)
    p = tl.fma(p, f, tl.full(y.shape, 0.009671514, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 0.05550734, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 0.24022242, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 0.693147, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 1.0, tl.float32))
    bits = p.to(tl.int32, bitcast=True)
    digits = ((bits & 0x7FFFFF) | 0x800000).to(tl.int64) << 21  # of 2**44 * p, if 1 <= p < 2
    return digits >> tl.minimum(127 - (bits >> 23) - n.to(tl.int32), 63).to(tl.int64)


@triton.jit
def orders_of(logits, ids):
    """One integer per token: larger for a larger logit, then for a lower id."""
    bits = tl.where(logits == 0, 0.0, logits).to(tl.int32, bitcast=True)  # one zero, not two
    signed = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (signed.to(tl.int64) << ID_BITS) + (ids ^ LAST_ID)


@triton.jit
def logits_of(orders):
    signed = (orders >> ID_BITS).to(tl.int32)
    return (signed ^ ((signed >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit
def load_block(row, begin, vocabulary, BLOCK: tl.constexpr):
    ids = begin + tl.arange(0, BLOCK)
    return ids, tl.load(row + ids, mask=ids < vocabulary, other=float("-inf")).to(tl.float32)


@triton.jit
def gather(row, vocabulary, floor, found, BLOCK: tl.constexpr):
    """Writes the order of every token from `floor` up, by ascending id; returns their number."""
    count = tl.full((), 0, tl.int32)
    for begin in range(0, vocabulary, BLOCK):
        ids, x = load_block(row, begin, vocabulary, BLOCK)
        keep = ((x >= floor) & (ids < vocabulary)).to(tl.int32)
        here = tl.sum(keep)
        if here > 0:
            place = count + tl.cumsum(keep) - 1
            tl.store(found + place, orders_of(x, ids), mask=keep > 0)
        count += here
    tl.debug_barrier()  # other threads read what this one wrote
    return count


@triton.jit
def amounts_of(found, begin, count, cut, peak, scale, min_weight, WEIGHTED: tl.constexpr,
             SIZE: tl.constexpr):  # fmt: skip
    """Ids of candidates and what each counts at or above `cut`: its weight, or one."""
    at = begin + tl.arange(0, SIZE)
    orders = tl.load(found + at, mask=at < count, other=LOWEST)
    keep = (at < count) & (orders >= cut)
    ids = ((orders & LAST_ID) ^ LAST_ID).to(tl.int32)
    if WEIGHTED:
        weights = weights_of(logits_of(orders), peak, scale)
        return ids, tl.where(keep & (weights >= min_weight), weights, 0)
    return ids, keep.to(tl.int64)


@triton.jit
def amount_of(found, count, cut, peak, scale, min_weight, WEIGHTED: tl.constexpr,
            SIZE: tl.constexpr):  # fmt: skip
    """What all candidates at or above `cut` count together."""
    total = tl.full((), 0, tl.int64)
    for begin in range(0, count, SIZE):
        _, amounts = amounts_of(found, begin, count, cut, peak, scale, min_weight, WEIGHTED, SIZE)
        total += tl.sum(amounts)
    return total


@triton.jit
def cut_at(found, count, least, needed, peak, scale, WEIGHTED: tl.constexpr, SIZE: tl.constexpr):
    """The largest order at or above which candidates (from `least` up) count at least `needed`."""
    cut = tl.full((), LOWEST, tl.int64)
    for step in range(51):
        trial = cut + (tl.full((), 1, tl.int64) << (50 - step))
        amount = amount_of(found, count, tl.maximum(trial, least), peak, scale, 0, WEIGHTED, SIZE)
        cut = tl.where(amount >= needed, trial, cut)
    return tl.maximum(cut, least)


@triton.jit
def scaled_up(fraction, total):
    """ceil(fraction / 2**64 * total)."""
    fraction, total = fraction.to(tl.uint64, bitcast=True), total.to(tl.uint64, bitcast=True)
    return (tl.umulhi(fraction, total) + (fraction * total != 0).to(tl.uint64)).to(tl.int64)


@triton.jit
def target_of(bits, total):
    return tl.umulhi(bits, total.to(tl.uint64, bitcast=True)).to(tl.int64)


@triton.jit
def light_logit(peak, scale, weight):
    """A logit so low that each token below it weighs less than `weight`, with a factor 2 to spare."""
    exponent = tl.log2(tl.maximum(weight, 1).to(tl.float64)) - 45.0 - 1e-6
    logit = (peak.to(tl.float64) + exponent / scale.to(tl.float64)).to(tl.float32)
    logit -= tl.abs(logit) * 1e-6
    return tl.where(weight > 0, logit, float("-inf"))


@triton.jit
def walk(found, count, cut, peak, scale, min_weight, bits, SIZE: tl.constexpr):
    """The token among the candidates that every filter kept."""
    total = amount_of(found, count, cut, peak, scale, min_weight, True, SIZE)
    target = target_of(bits, total)
    token = tl.full((), LAST_ID, tl.int32)
    before = tl.full((), 0, tl.int64)
    for begin in range(0, count, SIZE):
        ids, weights = amounts_of(found, begin, count, cut, peak, scale, min_weight, True, SIZE)
        sums = before + tl.cumsum(weights)
        token = tl.minimum(token, tl.min(tl.where(sums > target, ids, LAST_ID)))
        before += tl.sum(weights)
    return token
