"""Tests that the Triton sampler samples the same tokens as the CPU.

It runs on a GPU if there is one, and otherwise in Triton's interpreter. Small blocks make every loop run several
times. The last test compiles the kernels for a real GPU.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

pytest.importorskip("triton")

from lmsi_kedro.kernels.sampling import sample_tokens
from lmsi_kedro.kernels.sampling import triton as gpu
from lmsi_kedro.kernels.sampling.rules import Rules
from tests.kernels.sampling.cases import Sampling

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Case = tuple[NDArray[np.float32], NDArray[np.uint64]]  # logits, counters
Drawn = tuple[NDArray[np.int64], NDArray[np.float64]]  # tokens, logprobs


def both(
    logits: NDArray[np.float32], plan: Sampling, counters: NDArray[np.uint64]
) -> tuple[Drawn, Drawn]:
    """Samples on the CPU and on the GPU: (tokens, logprobs) from each."""
    tensors = torch.from_numpy(logits).to(DEVICE), torch.from_numpy(counters.view(np.int64))
    drawn = gpu.sample_tokens(tensors[0], Rules.of(plan), tensors[1], block=128, size=128)
    tokens, logprobs = (x.cpu().numpy() for x in drawn)
    return sample_tokens(logits, plan, counters), (tokens, logprobs)


def random_case(rows: int, vocabulary: int, spread: float, seed: int = 0) -> Case:
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
def test_tokens_equal_those_of_the_cpu(vocabulary: int, spread: float, plan: Sampling) -> None:
    logits, counters = random_case(4, vocabulary, spread)
    (tokens, logprobs), (other_tokens, other_logprobs) = both(logits, plan, counters)
    np.testing.assert_array_equal(tokens, other_tokens)
    np.testing.assert_allclose(logprobs, other_logprobs, atol=1e-6)


def adversarial_rows(vocabulary: int = 500) -> Case:
    """Rows with ties, with zeros of both signs, with few finite logits, with large offsets, and with NaN.

    They are stored in column-major order, and there are more rows than programs.
    """
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((9, vocabulary)).astype(np.float32)
    rows[0] = 0
    rows[1] = np.where(rng.random(vocabulary) < 0.5, -0.0, 0.0)
    rows[2, 20:] = -np.inf
    rows[3] = np.round(rows[3]) - 1e4
    rows[4] *= 1e30
    rows[5, 7], rows[5, 8] = np.nan, np.inf
    rows[6] = np.round(rows[6] * 8)
    return np.asfortranarray(rows), np.arange(36, dtype=np.uint64).reshape(9, 4)


@pytest.mark.parametrize(
    "plan",
    [
        Sampling(0.7, top_k=40, top_p=0.95),
        Sampling(0.7, top_k=130, min_p=0.1),  # k exceeds the number of lanes
        Sampling(0.7, top_k=499),
        Sampling(1e-6, top_k=5),
        Sampling(1.0, top_p=0.999999),
        Sampling(1.0, min_p=0.5),
        Sampling(0.0),
    ],
    ids=str,
)
def test_adversarial_rows_equal_those_of_the_cpu(plan: Sampling) -> None:
    logits, counters = adversarial_rows()
    rules, bits = Rules.of(plan), torch.from_numpy(counters.view(np.int64))
    given = torch.from_numpy(logits).to(DEVICE)
    tokens, logprobs, faults = (x.cpu() for x in gpu.launch(given, rules, bits, 128, 128))
    good = [row for row in range(9) if row != 5]
    assert faults.tolist() == [int(row == 5) for row in range(9)]
    expected, theirs = sample_tokens(logits[good], plan, counters[good])
    np.testing.assert_array_equal(tokens[good].numpy(), expected)
    np.testing.assert_allclose(logprobs[good].numpy(), theirs, atol=1e-6)


def test_tokens_with_large_counters_equal_cpu_tokens() -> None:
    logits, counters = random_case(60, 150, 2.0)
    counters[:, 1] *= np.uint64(0x9E3779B97F4A7C15)  # all 64 bits of the stream
    (tokens, _), (other, _) = both(logits, Sampling(0.9), counters)
    np.testing.assert_array_equal(tokens, other)


def test_bfloat16_tokens_equal_those_of_the_cpu() -> None:
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
def test_bad_rows_are_named(value: float, message: str) -> None:
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
    thresholds="*i64", maxima="*fp32", totals="*i64", log_normals="*fp64", tokens="*i64", logprobs="*fp64",
    faults="*i32", candidates="*i64", places="*i32",
)
cases = [
    (_kernel, dict(GREEDY=False, FILTERED=False, WEIGH=True, BLOCK=4096, BLOCKS=64), 8),
    (_kernel, dict(GREEDY=True, FILTERED=False, WEIGH=False, BLOCK=4096, BLOCKS=64), 8),
    (_kernel, dict(GREEDY=False, FILTERED=True, WEIGH=False, BLOCK=2048, BLOCKS=128), 8),
    (_kernel, dict(GREEDY=False, FILTERED=True, WEIGH=True, BLOCK=4096, BLOCKS=64), 8),
    (filter_kernel, dict(TOP_K=True, TOP_P=True, BLOCK=2048, SIZE=128), 2),
    (filter_kernel, dict(TOP_K=True, TOP_P=False, BLOCK=4096, SIZE=1024), 8),
    (filter_kernel, dict(TOP_K=False, TOP_P=True, BLOCK=4096, SIZE=1024), 8),
    (filter_kernel, dict(TOP_K=False, TOP_P=False, BLOCK=4096, SIZE=1024), 8),
]
for kernel, fixed, warps in cases:
    own = {name: types[name] for name in kernel.arg_names if name in types}
    source = ASTSource(
        fn=kernel, signature=own | dict.fromkeys(fixed, "constexpr"), constexprs=fixed
    )
    options = {"num_warps": warps, "enable_fp_fusion": False}
    options |= {"maxnreg": 64} if kernel is _kernel else {}
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert built.asm["cubin"]
"""


def test_kernels_compile_for_an_h100(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
