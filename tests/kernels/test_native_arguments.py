"""Tests that even the private functions of the compiled module reject arguments that would crash it."""

import math
from typing import Any

import numpy as np
import pytest

native = pytest.importorskip("lmsi_kedro.kernels._native")


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def linear(size: int, out: int) -> Any:
    return native.Linear(zeros(out, size), None)


def decoder(**changed: Any) -> Any:
    """A decoder with one layer of width 8 and two heads of width 4."""
    norm = [1.0] * 8
    layer = {
        "attention_norm": norm,
        "mlp_norm": norm,
        "qkv": linear(8, 24),
        "out": linear(8, 8),
        "gate_up": linear(8, 32),
        "down": linear(16, 8),
        "query_norm": [1.0] * 4,
        "key_norm": [1.0] * 4,
        "rotary": True,
    }
    given = {"norm": norm, "head": linear(8, 5), "heads": 2, "key_heads": 2, "width": 4}
    parts = tuple(changed.get(name, part) for name, part in layer.items())
    rest = {name: changed.get(name, value) for name, value in given.items()}
    return native.Decoder([parts], **rest, epsilon=1e-6)


def test_decoder_with_matching_shapes_is_built() -> None:
    assert decoder()


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("qkv", "out", "gate_up", "down", "head")),
        *({name: 0} for name in ("heads", "key_heads", "width")),
        {"heads": 0, "qkv": linear(8, 16), "out": linear(1, 8)},
        {"norm": []},
        {"attention_norm": [1.0]},
        {"query_norm": [1.0] * 5, "key_norm": [1.0] * 5},
        {"query_norm": []},
    ],
)
def test_decoder_with_mismatched_shapes_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        decoder(**changed)


@pytest.mark.parametrize("shape", [(1, 0, 4, 8), (1, 2, 4, 0)])
def test_prefixes_without_heads_or_width_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be a head"):
        native.Prefixes(zeros(*shape), zeros(*shape), [0])
    with pytest.raises(ValueError, match="must be a head"):
        native.Prefixes([4], shape[1], shape[3], False)


@pytest.mark.parametrize("room", [[2**64 - 1], [2**58], [2**36] * 3])
def test_room_beyond_any_memory_is_refused(room: list[int]) -> None:
    with pytest.raises(ValueError, match="larger than any memory"):
        native.Prefixes(room, 1, 32, False)
    with pytest.raises(ValueError, match="larger than any memory"):
        native.Prefixes([1], 2**40, 32, False)


def test_keys_that_do_not_fit_are_not_appended() -> None:
    """The room is that of the prefix, and what was appended before counts."""
    prefixes = native.Prefixes([5, 3], 2, 8, True)
    keys = np.zeros((2, 2, 4, 16), np.uint16)
    prefixes.append(keys, keys, [2, 3])
    for wrong, counts in [
        (keys, [4, 0]), (keys, [0, 1]), (keys, [1]), (keys[:1].copy(), [1]), (keys[:, :1].copy(), [1, 0]),
        (keys[..., :4].copy(), [1, 0]), (zeros(2, 2, 4, 16), [1, 0]), (keys[:, :, ::2], [1, 0]),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=r"must|exceeds"):
            prefixes.append(wrong, wrong, counts)
    with pytest.raises(ValueError, match="must be"):
        prefixes.append(keys, keys[:, :, :2].copy(), [1, 0])
    prefixes.append(keys, keys, [3, 0])
    assert prefixes.lengths == [5, 3]


@pytest.mark.parametrize("scale", [math.inf, -math.inf, math.nan])
def test_a_scale_must_be_finite(scale: float) -> None:
    counters = np.zeros((1, 4), np.uint64)
    with pytest.raises(ValueError, match="scale must be finite"):
        native.sample_tokens(zeros(1, 5), scale, 0, 0, 0, counters)
    shared = native.Prefixes(zeros(1, 1, 1, 16), zeros(1, 1, 1, 16), [1])
    own, paths = zeros(1, 1, 4, 16), np.zeros((1, 3), np.int64)
    arguments = shared, shared, zeros(1, 3, 16), own, own.copy(), paths
    native.attend(*arguments, 1.0, zeros(1, 1, 16))
    with pytest.raises(ValueError, match="scale must be finite"):
        native.attend(*arguments, scale, zeros(1, 1, 16))


@pytest.mark.parametrize("shape", [(0, 8), (8, 0)])
def test_an_empty_weight_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="neither of them 0"):
        native.Linear(zeros(*shape), None)


def halves(*shape: int) -> Any:
    return np.zeros(shape, np.uint16)


def forest(**changed: Any) -> None:
    """Attention of a row of 8 tokens with two query heads and one key head."""
    given: dict[str, Any] = {
        "queries": halves(8, 2, 16),
        "keys": halves(8, 1, 16),
        "values": halves(8, 1, 16),
        "segments": np.array([[0, 5, -1], [5, 3, 0]]),
        "scale": 1.0,
        "head": 0,
        "output": halves(8, 2, 16),
        "logs": zeros(1, 8, 2),
    }
    native.attend_forest(**given | changed)
    given |= {name: given["output"].copy() for name in ("of_output", "of_queries")}
    given |= {name: zeros(1, 8, 16) for name in ("of_keys", "of_values")}
    native.differentiate_forest(**given | changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": halves(7, 1, 16)},
        {"queries": halves(8, 3, 8)},
        {"segments": np.array([[0, 9, -1]])},
        {"segments": np.array([[-1, 2, -1]])},
        {"segments": np.array([[0, 2, 0]])},
        {"segments": np.array([[0, 2, 1], [2, 2, -1]])},
        {"segments": np.array([0, 2, -1])},
        {"head": 1},
        {"head": -1},
        {"scale": math.nan},
        {"output": halves(8, 1, 16)},
        {"logs": zeros(8, 2)},
    ],
    ids=repr,
)
def test_forests_that_do_not_fit_are_refused(changed: dict[str, Any]) -> None:
    forest()
    with pytest.raises(ValueError, match=r"must|outside"):
        forest(**changed)
