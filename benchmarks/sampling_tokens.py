"""Sampling tokens from logits: our kernel against transformers' logits processors and torch.multinomial.

Both sides return the token and its log-probability (at temperature 1, without filters) on one thread. Figures are
CPU time; the two sides take turns of at least 20 ms, and each figure is the best of 7 turns.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from result import QUICK, Result, arguments
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lmsi_kedro.kernels import sample_tokens
from lmsi_kedro.params import Sampling

REPEATS = 2 if QUICK else 7
TURN = 0.02  # seconds; the first call of a turn takes 0.2 ms longer, because caches are cold
SETTINGS = {
    "both": f"one thread, CPU time, turns of {1000 * TURN:.0f} ms, best of {REPEATS}; "
    "returns token and log-probability",
    "ours": "sample_tokens",
    "transformers": "logits processors, torch.multinomial, log_softmax",
}
draw = partial(Sampling, temperature=0.7, max_new_tokens=1, seed=0)


def peer(logits: torch.Tensor, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample tokens as generate() does, and also compute their log-probabilities, which generate() does not."""
    warpers = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    written: Any = torch.zeros((len(logits), 1), dtype=torch.long)
    scores = warpers(written, logits)
    tokens = torch.multinomial(torch.softmax(scores, dim=-1), 1)
    return tokens[:, 0], torch.log_softmax(logits, dim=-1).gather(1, tokens)[:, 0]


def best_of(*sides: Callable[[], object]) -> list[float]:
    """Return the CPU seconds per call of each side in its best turn of at least TURN seconds."""
    best = [float("inf")] * len(sides)
    for _ in range(REPEATS):
        for i, side in enumerate(sides):
            calls, start, spent = 0, time.process_time(), 0.0
            while spent < TURN:
                side()
                calls, spent = calls + 1, time.process_time() - start
            best[i] = min(best[i], spent / calls)
    return best


def check(logits: torch.Tensor, counters: np.ndarray, sampling: Sampling) -> None:
    """Check that our tokens pass top-k and have the log-probability that torch computes."""
    tokens, logprobs = sample_tokens(logits, sampling, counters)
    expected = torch.log_softmax(logits.double(), dim=-1).gather(1, tokens[:, None])[:, 0]
    torch.testing.assert_close(logprobs, expected, atol=1e-5, rtol=0)
    if sampling.top_k:
        least = torch.topk(logits, sampling.top_k).values[:, -1]
        assert (logits.gather(1, tokens[:, None])[:, 0] >= least).all()


def main() -> None:
    arguments(__file__, __doc__).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    result = Result("sampling_tokens", SETTINGS)
    plans = [draw(), draw(top_k=40, top_p=0.95), draw(top_p=0.95), draw(temperature=1.0)]
    for rows, vocabulary in ((8, 151_936), (256, 4_096), (128, 600)):
        logits = torch.randn(rows, vocabulary) * 3
        counters = np.arange(4 * rows, dtype=np.uint64).reshape(rows, 4)
        for plan in plans:
            check(logits, counters, plan)
            ours, theirs = best_of(
                partial(sample_tokens, logits, plan, counters), partial(peer, logits, plan)
            )
            each = 1e9 / (rows * vocabulary)
            case = f"{rows} x {vocabulary:,}, T {plan.temperature}, k {plan.top_k}, p {plan.top_p}"
            result.add(case, "ns per logit", ours * each, {"transformers": theirs * each})
    result.finish()


if __name__ == "__main__":
    main()
