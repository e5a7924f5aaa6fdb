"""Tokens from logits: our kernel against transformers' logits processors and torch.multinomial.

Both sides return the token and its log-probability (temperature 1, unfiltered), on one thread, in
CPU time, taking turns of at least 20 ms, best of 7 turns. A sample (AMD EPYC, AVX-512, the second
core at work):

    torch 2.13.0+cpu, transformers 5.23.0, instruction set avx512, LMSI_ISA=None
    8 x 151936 T=0.7 k=0 p=1.0           ours   0.50  peer   22.9 ns/logit  ratio  45.6
    8 x 151936 T=0.7 k=40 p=0.95         ours   0.36  peer   53.8 ns/logit  ratio 149.7
    8 x 151936 T=0.7 k=0 p=0.95          ours   3.78  peer  122.7 ns/logit  ratio  32.4
    8 x 151936 T=1.0 k=0 p=1.0           ours   0.34  peer   22.4 ns/logit  ratio  65.5
    256 x 4096 T=0.7 k=0 p=1.0           ours   0.54  peer   22.6 ns/logit  ratio  41.4
    256 x 4096 T=0.7 k=40 p=0.95         ours   1.68  peer   42.6 ns/logit  ratio  25.3
    256 x 4096 T=0.7 k=0 p=0.95          ours   4.96  peer   95.2 ns/logit  ratio  19.2
    256 x 4096 T=1.0 k=0 p=1.0           ours   0.42  peer   22.5 ns/logit  ratio  53.9
    128 x 600 T=0.7 k=0 p=1.0            ours   1.01  peer   23.8 ns/logit  ratio  23.6
    128 x 600 T=0.7 k=40 p=0.95          ours   6.90  peer   56.4 ns/logit  ratio   8.2
    128 x 600 T=0.7 k=0 p=0.95           ours   5.96  peer   77.7 ns/logit  ratio  13.0
    128 x 600 T=1.0 k=0 p=1.0            ours   0.87  peer   23.9 ns/logit  ratio  27.5
"""

import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import numpy as np
import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lmsi_kedro.kernels import sample_tokens
from lmsi_kedro.kernels._native import sampling_isa
from lmsi_kedro.params import Sampling

REPEATS = 7
TURN = 0.02  # the first call after other work pays 0.2 ms for cold Python and torch
draw = partial(Sampling, temperature=0.7, max_new_tokens=1, seed=0)


def peer(logits: torch.Tensor, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """What generate() does for a step, with the log-probability that it leaves to the caller."""
    warpers = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    scores = warpers(torch.zeros((len(logits), 1), dtype=torch.long), logits)
    tokens = torch.multinomial(torch.softmax(scores, dim=-1), 1)
    return tokens[:, 0], torch.log_softmax(logits, dim=-1).gather(1, tokens)[:, 0]


def best_of(*sides: Callable[[], object]) -> list[float]:
    """The least CPU seconds of a call of each side; they take turns of at least TURN seconds."""
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
    """Our tokens survive the peer's filters and carry the peer's log-probability."""
    tokens, logprobs = sample_tokens(logits, sampling, counters)
    expected = torch.log_softmax(logits.double(), dim=-1).gather(1, tokens[:, None])[:, 0]
    torch.testing.assert_close(logprobs, expected, atol=1e-5, rtol=0)
    if sampling.top_k:
        least = torch.topk(logits, sampling.top_k).values[:, -1]
        assert (logits.gather(1, tokens[:, None])[:, 0] >= least).all()


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    versions = f"torch {torch.__version__}, transformers {version('transformers')}"
    print(f"{versions}, instruction set {sampling_isa()}, LMSI_ISA={os.environ.get('LMSI_ISA')}")
    plans = [draw(), draw(top_k=40, top_p=0.95), draw(top_p=0.95), draw(temperature=1.0)]
    for rows, vocabulary in ((8, 151_936), (256, 4_096), (128, 600)):
        logits = torch.randn(rows, vocabulary) * 3
        counters = np.arange(4 * rows, dtype=np.uint64).reshape(rows, 4)
        for plan in plans:
            check(logits, counters, plan)
            ours, theirs = best_of(
                lambda x=logits, p=plan, c=counters: sample_tokens(x, p, c),
                lambda x=logits, p=plan: peer(x, p),
            )
            each = 1e9 / (rows * vocabulary)
            name = f"{rows} x {vocabulary} T={plan.temperature} k={plan.top_k} p={plan.top_p}"
            figures = f"ours {ours * each:6.2f}  peer {theirs * each:6.1f} ns/logit"
            print(f"{name:36} {figures}  ratio {theirs / ours:5.1f}")


if __name__ == "__main__":
    main()
