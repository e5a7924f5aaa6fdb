"""The attention of a decoding step on a GPU: shared prefixes are read once per tile of paths, not once per path.

In the first kernel, a program multiplies a tile of rows with one part of a prefix (SPLIT keys) and stores the
peak, the total and the weighted sum of this part. The second kernel has a program per row and head: it starts
with the new token, appends it, reads the path's own tokens, and merges the stored parts by log-sum-exp. Products
accumulate in float32, without tf32. A path's result does not depend on the other paths. The kernels never
synchronise, and they allocate through torch, so a CUDA graph can capture them.
"""

# Triton interprets annotations itself, and compile-time arguments are in capitals.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from .prefixes import Prefixes

LOW = tl.constexpr(-1e30)  # the peak without keys: finite, so that differences of peaks are defined
FORMATS = (torch.float32, torch.bfloat16, torch.float16)
MOST_WIDTH = 256


@triton.jit
def _product(a, b, c, WIDE: tl.constexpr):
    """a @ b + c in float32."""
    if WIDE:
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, c, input_precision="ieee")


@triton.jit
def _merged(peak, total, sums, other_peak, other_total, other_sums):
    """Merges two softmaxes over different keys."""
    top = tl.maximum(peak, other_peak)
    one, two = tl.exp2(peak - top), tl.exp2(other_peak - top)
    sums = sums * one[:, None] + other_sums * two[:, None]
    return top, total * one + other_total * two, sums


@triton.jit
def _block(query, keys, values, begin, end, member, peak, total, sums, scale, WIDTH: tl.constexpr,
           STRIDE: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """Adds the keys between `begin` and begin + BLOCK, but only those before `end`, for the lanes in `member`."""
    at, d = begin + tl.arange(0, BLOCK), tl.arange(0, D)
    seen, inside = at < end, d < WIDTH
    k = tl.load(
        keys + at[None, :] * STRIDE + d[:, None], mask=seen[None, :] & inside[:, None], other=0.0
    )
    v = tl.load(
        values + at[:, None] * STRIDE + d[None, :], mask=seen[:, None] & inside[None, :], other=0.0
    )
    scores = _product(query, k, tl.zeros((query.shape[0], BLOCK), tl.float32), WIDE) * scale
    scores = tl.where(member[:, None] & seen[None, :], scores, float("-inf"))
    top = tl.maximum(peak, tl.max(scores, 1))
    kept = tl.exp2(peak - top)
    weights = tl.exp2(scores - top[:, None])
    sums = _product(weights.to(v.dtype), v, sums * kept[:, None], WIDE)
    return top, total * kept + tl.sum(weights, 1), sums


@triton.jit(do_not_specialize=("capacity", "stride", "rows"))  # these change from chunk to chunk
def _prefix_kernel(query, keys, values, lengths, capacity, paths, stride, rows, scale, peaks, totals,
                   parts, SHARED: tl.constexpr, GROUP: tl.constexpr, WIDTH: tl.constexpr,
                   LANES: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr, SPLIT: tl.constexpr,
                   WIDE: tl.constexpr):  # fmt: skip
    """Stores peak, total and weighted sum of each query, for a tile of rows, a key head and SPLIT keys."""
    tile, head, part = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    heads = tl.num_programs(1)
    lane, d = tl.arange(0, LANES), tl.arange(0, D)
    row = tile * (LANES // GROUP) + lane // GROUP
    live = (lane < LANES // GROUP * GROUP) & (row < rows)
    prefix = tl.load(paths + row * stride, mask=live, other=-1).to(tl.int32)
    if SHARED:
        prefix = tl.where(live, 0, -1)
    at = tl.cast((row * heads + head) * GROUP + lane % GROUP, tl.int64)
    inside = live[:, None] & (d < WIDTH)[None, :]
    q = tl.load(query + at[:, None] * WIDTH + d[None, :], mask=inside, other=0.0)
    peak, total = tl.full((LANES,), LOW, tl.float32), tl.zeros((LANES,), tl.float32)
    sums = tl.zeros((LANES, D), tl.float32)
    first, last = tl.min(tl.where(live, prefix, 2147483647)), tl.max(prefix)
    # Rows of one question are adjacent, so a tile mostly has one or two questions.
    for number in range(first, last + 1):
        member = prefix == number
        end = tl.minimum(tl.load(lengths + number), (part + 1) * SPLIT)
        end = tl.where(tl.max(member.to(tl.int32)) > 0, end, 0)
        panel = (tl.cast(number, tl.int64) * heads + head) * capacity * WIDTH
        for begin in range(part * SPLIT, end, BLOCK):
            peak, total, sums = _block(
                q, keys + panel, values + panel, begin, end, member, peak, total, sums, scale, WIDTH,
                WIDTH, D, BLOCK, WIDE,
            )  # fmt: skip
    at += tl.cast(part, tl.int64) * rows * heads * GROUP
    tl.store(peaks + at, peak, mask=live)
    tl.store(totals + at, total, mask=live)
    tl.store(parts + at[:, None] * WIDTH + d[None, :], sums, mask=inside)


@triton.jit(do_not_specialize=("capacity", "stride", "count"))
def _own_kernel(query, key, value, own_keys, own_values, capacity, paths, stride, scale, peaks, totals,
                parts, count, output, GROUP: tl.constexpr, WIDTH: tl.constexpr, STRIDE: tl.constexpr,
                LANES: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """Merges the new token, the path's own tokens and the parts of its prefixes, for a row and a key head."""
    row, head, heads = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    slot = tl.load(paths + row * stride + 1)
    length = tl.load(paths + row * stride + 2).to(tl.int32)
    lane, d = tl.arange(0, LANES), tl.arange(0, D)
    live = lane < GROUP
    at = tl.cast((row * heads + head) * GROUP + lane, tl.int64)
    inside = live[:, None] & (d < WIDTH)[None, :]
    q = tl.load(query + at[:, None] * WIDTH + d[None, :], mask=inside, other=0.0)
    new = (row * heads + head) * WIDTH + d
    k = tl.load(key + new, mask=d < WIDTH, other=0.0)
    v = tl.load(value + new, mask=d < WIDTH, other=0.0)
    panel = (slot * heads + head) * capacity * STRIDE
    tl.store(own_keys + panel + length * STRIDE + d, k, mask=d < WIDTH)
    tl.store(own_values + panel + length * STRIDE + d, v, mask=d < WIDTH)
    peak = tl.sum(q.to(tl.float32) * k.to(tl.float32)[None, :], 1) * scale
    total = tl.full((LANES,), 1.0, tl.float32)
    sums = tl.zeros((LANES, D), tl.float32) + v.to(tl.float32)[None, :]
    for begin in range(0, length, BLOCK):
        peak, total, sums = _block(
            q, own_keys + panel, own_values + panel, begin, length, live, peak, total, sums, scale, WIDTH,
            STRIDE, D, BLOCK, WIDE,
        )  # fmt: skip
    for part in range(0, count):
        other = at + tl.cast(part, tl.int64) * tl.num_programs(0) * heads * GROUP
        peak, total, sums = _merged(
            peak, total, sums, tl.load(peaks + other, mask=live, other=LOW),
            tl.load(totals + other, mask=live, other=0.0),
            tl.load(parts + other[:, None] * WIDTH + d[None, :], mask=inside, other=0.0),
        )  # fmt: skip
    tl.store(output + at[:, None] * WIDTH + d[None, :], sums / total[:, None], mask=inside)


def attend_step(
    query: Tensor, key: Tensor, value: Tensor, own: tuple[Tensor, Tensor], paths: Tensor,
    shared: Prefixes, questions: Prefixes, scale: float, split: int = 256,
) -> Tensor:  # fmt: skip
    """Computes `reference.attend_step` for widths up to 256, and is fastest if a question's paths are adjacent."""
    check(query, key, value, own, paths, shared, questions)
    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    paths, output = paths.to(query.device), torch.empty_like(query)
    rows, heads, width = query.shape
    group = heads // key.shape[1]
    levels = [level for level in (shared, questions) if level.keys.shape[2]]
    counts = [triton.cdiv(level.keys.shape[2], split) for level in levels]
    totals = query.new_empty((2, sum(counts), rows, heads), dtype=torch.float32)
    parts = query.new_empty((sum(counts), rows, heads, width), dtype=torch.float32)
    prefix_sizes, own_sizes = sizes_of(query, group)
    scale *= math.log2(math.e)  # the kernels compute weights as powers of two
    done = 0
    for level, count in zip(levels, counts, strict=True):
        _prefix_kernel[(triton.cdiv(rows, prefix_sizes["LANES"] // group), key.shape[1], count)](
            query, level.keys.contiguous(), level.values.contiguous(), level.counts, level.keys.shape[2],
            paths, paths.stride(0), rows, scale, *totals[:, done:], parts[done:],
            SHARED=level is shared, SPLIT=split, **prefix_sizes,
        )  # fmt: skip
        done += count
    _own_kernel[(rows, key.shape[1])](
        query, key, value, *own, own[0].shape[2], paths, paths.stride(0), scale, *totals, parts, done,
        output, STRIDE=own[0].shape[3], **own_sizes,
    )  # fmt: skip
    return output


def sizes_of(query: Tensor, group: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The compile-time sizes of the two kernels, chosen so that ptxas spills almost no registers for an H100.

    At width 128, the first kernel spilled 252 bytes in bfloat16 and 19 kB in float32 with 4 warps instead of 8.
    """
    width = query.shape[2]
    padded = max(16, triton.next_power_of_2(width))
    large = query.dtype == torch.float32 or padded > 128
    lanes, queries, block = 32 if large else 64, triton.next_power_of_2(group), 32 if large else 64
    same = {
        "GROUP": group, "WIDTH": width, "D": padded, "num_stages": 2,
        "WIDE": query.dtype == torch.float32 or not query.is_cuda,  # the interpreter has no bfloat16
    }  # fmt: skip
    return (
        same | {"LANES": max(lanes, queries), "BLOCK": block, "num_warps": 8},
        same | {"LANES": max(16, queries), "BLOCK": block // 2, "num_warps": 4},
    )


def check(
    query: Tensor, key: Tensor, value: Tensor, own: tuple[Tensor, Tensor], paths: Tensor,
    shared: Prefixes, questions: Prefixes,
) -> None:  # fmt: skip
    """Raises ValueError for arguments that the kernels would misinterpret; the values in paths are not checked."""
    rows, heads, width = query.shape
    prefixes = [tensor for level in (shared, questions) for tensor in (level.keys, level.values)]
    if query.dtype not in FORMATS or width > MOST_WIDTH:
        raise ValueError(
            f"the dtype of query must be one of {FORMATS}, and its width at most {MOST_WIDTH}"
        )
    if any(tensor.dtype != query.dtype for tensor in (key, value, *own, *prefixes)):
        raise ValueError("all tensors must have the same dtype")
    if key.shape != (rows, key.shape[1], width) or value.shape != key.shape or heads % key.shape[1]:
        raise ValueError(
            "key and value must be [rows, heads, width], and heads must divide the number of query heads"
        )
    if any(tensor.shape[1::2] != key.shape[1:] for tensor in prefixes) or len(shared.lengths) != 1:
        raise ValueError(
            "there must be one shared prefix, as wide as the questions and with as many heads"
        )
    if own[0].shape != own[1].shape or own[0].shape[1] != key.shape[1] or own[0].shape[3] < width:
        raise ValueError("own keys and values must be [slots, heads, capacity, width or more]")
    if not all(buffer.is_contiguous() for buffer in own) or paths.shape != (rows, 3):
        raise ValueError("own keys and values must be contiguous, and paths [rows, 3]")
    if paths.dtype != torch.long or paths.stride(1) != 1:
        raise ValueError("paths must be int64, with adjacent columns")
