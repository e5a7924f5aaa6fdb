"""The specification of `sample_tokens`, in plain numpy.

A token's weight is an integer, computed by a few float32 operations that give the same result on every machine.
Sums are therefore exact and do not depend on their order: every implementation, block size and instruction set
has the same cumulative sums.

    weight(i) = floor(2**44 * power((logit(i) - max) * log2(e) / temperature))
    power(y)  = 2**y within 2e-7, exactly 1 at 0: a polynomial, see below
    order     = logit descending, then token id ascending      # the tie policy: low ids first
    top-k     keeps the first k tokens of the order
    top-p     keeps, of these k tokens, each one that is preceded by less than top_p of their total weight
    min-p     keeps, of these, each token whose weight is at least min_p of the largest weight
    token     = the first kept id whose cumulative weight, in id order, exceeds
                floor(u64 * total / 2**64), where u64 are 64 bits of
                Philox4x32-10(key = seed, counter = stream lo, stream hi, path, position)
    logprob   = logit(token) - log(sum(exp(logits)))            # temperature 1, unfiltered

So a token of weight 0, which is 2**45 times less likely than the most likely one, is never sampled, and the search
always ends at a kept token.
"""

import numpy as np
from numpy.typing import NDArray

from .rules import WEIGHT_BITS, LogitsError, Rules

Counters = NDArray[np.uint64]  # [rows, 4]: seed, stream, path, position
# A minimax polynomial for 2**f on [-1/2, 1/2], exact at 0; highest power first.
POWER = np.array([0.0013264709, 0.009671514, 0.05550734, 0.24022242, 0.693147, 1.0], np.float32)
LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


def philox(counters: Counters) -> NDArray[np.uint64]:
    """64 random bits per row: the first two words of Philox4x32-10 (Salmon et al., 2011)."""
    seed, stream, path, position = counters.T
    words = [stream & LOW, stream >> SHIFT, path & LOW, position & LOW]
    keys = [seed & LOW, seed >> SHIFT]
    for _ in range(10):
        first = words[0] * np.uint64(0xD2511F53)
        second = words[2] * np.uint64(0xCD9E8D57)
        words = [
            (second >> SHIFT) ^ words[1] ^ keys[0],
            second & LOW,
            (first >> SHIFT) ^ words[3] ^ keys[1],
            first & LOW,
        ]
        keys = [(keys[0] + np.uint64(0x9E3779B9)) & LOW, (keys[1] + np.uint64(0xBB67AE85)) & LOW]
    bits: NDArray[np.uint64] = words[0] | (words[1] << SHIFT)
    return bits


def check_row(logits: NDArray[np.float64], row: int) -> None:
    """Raises LogitsError if the logits of a row do not define a distribution."""
    if np.isnan(logits).any():
        raise LogitsError(row, "logits hold NaN")
    if np.isposinf(logits).any():
        raise LogitsError(row, "logits hold +inf")
    if np.isneginf(logits).all():
        raise LogitsError(row, "every logit is -inf")


def weights_of(logits: NDArray[np.float64], scale: float) -> NDArray[np.int64]:
    """Integer weights of float32 logits; the largest is exactly 2**WEIGHT_BITS."""
    narrow = logits.astype(np.float32)
    with np.errstate(over="ignore"):  # with a tiny temperature, all but the maximum become -inf
        y = np.maximum((narrow - narrow.max()) * np.float32(scale), np.float32(-64))
    n = np.rint(y)
    power = np.full_like(y, POWER[0])
    for coefficient in POWER[1:]:  # as a fused multiply-add: the product is exact in float64
        power = (power.astype(np.float64) * (y - n) + coefficient).astype(np.float32)
    exponents = (n + WEIGHT_BITS).astype(np.int32)
    weights: NDArray[np.int64] = np.ldexp(power.astype(np.float64), exponents).astype(np.int64)
    return weights


def kept_tokens(
    logits: NDArray[np.float64], weights: NDArray[np.int64], rules: Rules
) -> NDArray[np.intp]:
    """The ids that the filters keep, ascending."""
    kept = np.lexsort((np.arange(len(logits)), -logits))
    if rules.top_k:
        kept = kept[: rules.top_k]
    if rules.nucleus:
        before = np.cumsum(weights[kept]) - weights[kept]
        total = int(weights[kept].sum())
        needed = -((-total * rules.nucleus) >> 64)  # ceil(top_p * total)
        kept = kept[before < needed]
    return np.sort(kept[weights[kept] >= rules.min_weight])


def sample_token(logits: NDArray[np.float64], rules: Rules, bits: int) -> int:
    """The token selected by 64 random bits."""
    if rules.scale == 0:
        return int(np.argmax(logits))
    weights = weights_of(logits, rules.scale)
    kept = kept_tokens(logits, weights, rules)
    sums = np.cumsum(weights[kept])
    target = (bits * int(sums[-1])) >> 64
    return int(kept[np.searchsorted(sums, target, side="right")])


def sample_tokens(
    logits: NDArray[np.float32], rules: Rules, counters: Counters
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Tokens and log-probabilities, one per row of `logits` [rows, vocabulary]."""
    tokens = np.empty(len(logits), np.int64)
    logprobs = np.empty(len(logits), np.float64)
    for row, bits in enumerate(philox(counters)):
        values = logits[row].astype(np.float64)
        check_row(values, row)
        tokens[row] = sample_token(values, rules, int(bits))
        centred = values - values.max()
        logprobs[row] = centred[tokens[row]] - np.log(np.exp(centred).sum())
    return tokens, logprobs
