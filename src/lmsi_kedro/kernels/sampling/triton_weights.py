"""Parts of the GPU sampler: blocks of logits, integer weights, random bits."""

# Triton interprets annotations itself, and compile-time arguments are in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803

import triton
import triton.language as tl

LAST_ID = tl.constexpr((1 << 19) - 1)
# 1.5 * 2**23: adding it to a number rounds the number to an integer, which is in the last bits of the sum
HALF = tl.constexpr(12582912.0)
HALF_BITS = tl.constexpr(0x4B400000)


@triton.jit
def load_block(row, begin, vocabulary, BLOCK: tl.constexpr):
    ids = begin + tl.arange(0, BLOCK)
    return ids, tl.load(row + ids, mask=ids < vocabulary, other=float("-inf")).to(tl.float32)


@triton.jit
def weights_of(logits, peak, scale):
    """floor(2**44 * power((logit - peak) * scale)), see reference."""
    y = (logits - peak) * scale
    y = tl.where(y > -50.0, y, -50.0)  # at and below -45 the weight is 0
    shifted = y + HALF
    f = y - (shifted - HALF)
    p = tl.full(y.shape, 0.0013264709, tl.float32)
    p = tl.fma(p, f, tl.full(y.shape, 0.009671514, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 0.05550734, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 0.24022242, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 0.693147, tl.float32))
    p = tl.fma(p, f, tl.full(y.shape, 1.0, tl.float32))
    bits = p.to(tl.int32, bitcast=True)
    digits = ((bits & 0x7FFFFF) | 0x800000).to(tl.int64) << 21  # 2**44 * p if 1 <= p < 2
    n = shifted.to(tl.int32, bitcast=True) - HALF_BITS
    return digits >> (127 - (bits >> 23) - n).to(tl.int64)


@triton.jit
def target_of(bits, total):
    return tl.umulhi(bits, total.to(tl.uint64, bitcast=True)).to(tl.int64)


@triton.jit
def scaled_up(fraction, total):
    """ceil(fraction / 2**64 * total)."""
    fraction, total = fraction.to(tl.uint64, bitcast=True), total.to(tl.uint64, bitcast=True)
    return (tl.umulhi(fraction, total) + (fraction * total != 0).to(tl.uint64)).to(tl.int64)


@triton.jit
def philox(counters, row):
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
