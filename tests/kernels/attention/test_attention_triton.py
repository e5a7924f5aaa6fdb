"""Tests that attention in Triton equals the reference.

The kernels run on a GPU if there is one, and otherwise in Triton's interpreter. A small split makes every loop run
several times. The last test compiles the kernels for a real GPU.
"""

import os
import subprocess
import sys
from typing import Any

import pytest
import torch

pytest.importorskip("triton")

from lmsi_kedro.kernels import attention
from lmsi_kedro.kernels.attention import Prefixes, native, reference
from lmsi_kedro.kernels.attention import triton as gpu
from tests.kernels.attention.cases import case, wide

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CASES = [  # rows, heads, key heads, width, shared length, question lengths; number format, tolerance
    ((1, 1, 1, 16, 0, (1,)), torch.float32, 4e-6),
    ((6, 12, 2, 64, 90, (40, 7)), torch.float32, 4e-6),
    ((5, 4, 4, 40, 17, (3, 16, 0)), torch.float32, 4e-6),
    ((6, 12, 2, 64, 90, (40, 7)), torch.bfloat16, 8e-3),
    ((6, 12, 2, 64, 90, (40, 7)), torch.float16, 1e-3),
    ((2, 20, 1, 256, 31, (65,)), torch.bfloat16, 8e-3),
]


def placed(given: Any) -> Any:
    """The same inputs on the device of the kernels, with the same nesting."""
    if isinstance(given, dict):
        return {name: placed(part) for name, part in given.items()}
    if isinstance(given, Prefixes):
        return Prefixes(given.keys.to(DEVICE), given.values.to(DEVICE), given.lengths)
    if isinstance(given, tuple):
        return tuple(placed(part) for part in given)
    return given.to(DEVICE) if isinstance(given, torch.Tensor) else given


def attended(given: Any) -> torch.Tensor:
    return gpu.attend_step(**placed(given), split=48).cpu()


@pytest.mark.parametrize(("shape", "dtype", "tolerance"), CASES, ids=str)
def test_triton_equals_reference(shape: Any, dtype: torch.dtype, tolerance: float) -> None:
    """The results are equal within rounding, and both implementations append the same keys and values."""
    one, two = placed(case(shape, dtype)), wide(case(shape, dtype))
    found = gpu.attend_step(**one, split=48).cpu()
    expected = reference.attend_step(**two)
    error = (found.float() - expected).abs().max() / expected.abs().max()
    assert error < tolerance
    assert all(torch.equal(a.cpu().float(), b) for a, b in zip(one["own"], two["own"], strict=True))


def test_rows_do_not_depend_on_the_batch() -> None:
    """The result of a row is the same alone and in a reordered batch that mixes the questions."""
    given = case((7, 4, 1, 32, 60, (40, 7)), torch.float32)
    together = attended(given)
    for rows in [torch.tensor([6, 0, 3, 1, 5, 4, 2]), torch.tensor([5])]:
        some = given | {name: given[name][rows] for name in ("query", "key", "value", "paths")}
        torch.testing.assert_close(attended(some), together[rows], rtol=1e-6, atol=1e-6)


def test_large_scores_stay_finite() -> None:
    given = case((3, 4, 1, 32, 60, (40, 7)), torch.float32)
    given["query"] *= 1e4
    torch.testing.assert_close(
        attended(given), reference.attend_step(**given), rtol=1e-4, atol=1e-4
    )


def test_strided_rows_are_accepted() -> None:
    """`paths` may be a view of some columns of a wider table."""
    given = case((3, 4, 1, 32, 10, (4, 7)), torch.float32)
    table = torch.cat([torch.full((3, 2), 99), given["paths"]], 1)
    assert torch.equal(attended(given | {"paths": table[:, 2:]}), attended(given))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("key", lambda x: x.bfloat16()),
        ("key", lambda x: x[:2]),
        ("query", lambda x: x[:, :3]),
        ("query", lambda x: x.double()),
        ("own", lambda x: (x[0], x[0][:, :1])),
        ("own", lambda x: tuple(b.transpose(1, 2).contiguous().transpose(1, 2) for b in x)),
        ("paths", lambda x: x.int()),
        ("questions", lambda x: Prefixes(x.keys[..., :8], x.values[..., :8], x.lengths)),
    ],
)
def test_formats_and_shapes_are_checked(name: str, change: Any) -> None:
    given = case((3, 4, 2, 40, 3, (4,)), torch.float32)
    with pytest.raises(ValueError, match="must"):
        gpu.attend_step(**given | {name: change(given[name])})


def test_implementation_depends_on_device_and_number_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    monkeypatch.delenv("LMSI_KERNELS", raising=False)
    assert attention.implementation(cuda, torch.bfloat16) is gpu
    assert attention.implementation(cpu, torch.bfloat16) is native
    assert attention.implementation(cpu, torch.float16) is reference
    monkeypatch.setenv("LMSI_KERNELS", "reference")
    assert attention.implementation(cuda, torch.bfloat16) is reference


COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lmsi_kedro.kernels.attention.triton import _own_kernel, _prefix_kernel
pointers = dict(query="T", key="T", value="T", own_keys="T", own_values="T", keys="T", values="T", output="T",
                lengths="*i32", paths="*i64", peaks="*fp32", totals="*fp32", parts="*fp32")
def built(kernel, number, target, num_warps, num_stages, **fixed):
    types = {n: pointers.get(n, "fp32" if n == "scale" else "i32").replace("T", "*" + number)
             for n in kernel.arg_names if n not in fixed}
    source = ASTSource(fn=kernel, signature=types | dict.fromkeys(fixed, "constexpr"), constexprs=fixed)
    options = dict(num_warps=num_warps, num_stages=num_stages)
    return triton.compile(source, target=GPUTarget("cuda", target, 32), options=options)
def both(number, target, group, lanes, block, **sizes):
    sizes |= dict(GROUP=group, num_stages=2)
    first, second = dict(LANES=lanes, BLOCK=block), dict(LANES=16, BLOCK=block // 2)
    yield built(_prefix_kernel, number, target, 8, SHARED=False, SPLIT=256, **first, **sizes)
    yield built(_own_kernel, number, target, 4, STRIDE=sizes["WIDTH"], **second, **sizes)
"""
ONE = """
for kernel in both("bf16", 90, 6, 64, 64, WIDTH=128, D=128, WIDE=False):
    assert kernel.asm["cubin"] and kernel.metadata.shared < 99 * 1024
"""


def test_kernels_compile_for_an_h100(tmp_path: Any) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE + ONE], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
