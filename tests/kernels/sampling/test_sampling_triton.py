"""The GPU sampler gives the CPU's tokens: on a GPU where there is one, else in Triton's interpreter.

Small blocks make every loop run several times; a last test compiles the kernel for a real GPU.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("triton")

from lmsi_kedro.kernels.sampling import Rules, sample_tokens
from lmsi_kedro.kernels.sampling import triton as gpu
from tests.kernels.sampling.cases import Sampling

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def both(logits, plan, counters):
    """(tokens, logprobs) of the CPU and of the GPU."""
    tensors = torch.from_numpy(logits).to(DEVICE), torch.from_numpy(counters.view(np.int64))
    drawn = gpu.sample_tokens(tensors[0], Rules.of(plan), tensors[1], block=128, size=128)
    return sample_tokens(logits, plan, counters), [x.cpu().numpy() for x in drawn]


def random_case(rows, vocabulary, spread, seed=0):
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal((rows, vocabulary)) * spread).astype(np.float32)
    logits[: rows // 2] = np.round(logits[: rows // 2])  # ties
    logits[::2, 1::3] = -np.inf
    return logits, rng.integers(0, 2**63, (rows, 4)).astype(np.uint64) & np.uint64(0xFFFFFFFF)


@pytest.mark.parametrize("vocabulary", [1, 200])
@pytest.mark.parametrize("spread", [0.0, 4.0])
@pytest.mark.parametrize(
    "plan",
    [
        Sampling(0.7),
        Sampling(0.7, top_k=9, top_p=0.95),
        Sampling(1.3, top_p=0.9, min_p=0.02),
        Sampling(0.5, top_k=5, min_p=0.3),
        Sampling(1.0, top_k=100),
        Sampling(1.0, min_p=0.05),
        Sampling(0.0),
    ],
    ids=str,
)
def test_the_same_tokens_as_the_cpu(vocabulary, spread, plan):
    logits, counters = random_case(4, vocabulary, spread)
    (tokens, logprobs), (other_tokens, other_logprobs) = both(logits, plan, counters)
    np.testing.assert_array_equal(tokens, other_tokens)
    np.testing.assert_allclose(logprobs, other_logprobs, atol=1e-6)


def test_many_draws():
    logits, counters = random_case(60, 150, 2.0)
    counters[:, 1] *= np.uint64(0x9E3779B97F4A7C15)  # all 64 bits of the stream
    (tokens, _), (other, _) = both(logits, Sampling(0.9), counters)
    np.testing.assert_array_equal(tokens, other)


def test_bfloat16():
    logits, counters = random_case(4, 100, 3.0)
    narrow = torch.from_numpy(logits).bfloat16()
    expected, _ = sample_tokens(narrow, Sampling(), counters)
    tokens, _ = gpu.sample_tokens(
        narrow.to(DEVICE), Rules.of(Sampling()), torch.from_numpy(counters.view(np.int64))
    )
    assert torch.equal(tokens.cpu(), expected)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN"), (np.inf, r"\+inf"), (-np.inf, "every logit is -inf")]
)
def test_bad_rows_are_named(value, message):
    logits, counters = random_case(3, 100, 3.0)
    logits[1] = value
    with pytest.raises(ValueError, match=f"row 1: .*{message}"):
        both(logits, Sampling(), counters)


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lmsi_kedro.kernels.sampling.triton import _kernel
from lmsi_kedro.kernels.sampling.triton_filters import filter_kernel
types = dict(
    logits="*bf16", stride="i64", rows="i32", vocabulary="i32", counters="*i64", scales="*fp32",
    rules="*i64", peaks="*fp32", totals="*i64", normals="*fp64", tokens="*i64", logprobs="*fp64",
    faults="*i32", candidates="*i64", places="*i32",
)
kernels = [
    (_kernel, dict(GREEDY=False, FILTERED=False, WEIGH=True, BLOCK=4096, BLOCKS=64), 8),
    (_kernel, dict(GREEDY=True, FILTERED=False, WEIGH=False, BLOCK=4096, BLOCKS=64), 8),
    (filter_kernel, dict(TOP_K=True, TOP_P=True, BLOCK=2048, SIZE=128), 2),
    (filter_kernel, dict(TOP_K=False, TOP_P=True, BLOCK=4096, SIZE=1024), 8),
]
for kernel, fixed, warps in kernels:
    own = {name: types[name] for name in kernel.arg_names if name in types}
    source = ASTSource(
        fn=kernel, signature=own | dict.fromkeys(fixed, "constexpr"), constexprs=fixed
    )
    options = {"num_warps": warps, "enable_fp_fusion": False}
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert built.asm["cubin"]
"""


def test_it_compiles_for_an_h100(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
