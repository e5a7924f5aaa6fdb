"""Tests count_votes on worked cases, against the reference, in any order, and on bad input."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lmsi_kedro.kernels.votes import TIES, Ties, count_votes, reference

# Keys that are stored in different ways: short, long, empty, different in the last byte, zero bytes, not ASCII.
KEYS = ["num:1", "num:2", "", "\0", "a", "a\0", "é", "a" * 12, "a" * 13, "a" * 15, "a" * 14 + "b",
        "b" * 16, "b" * 17, "b" * 40, "b" * 39 + "c"]  # fmt: skip
WEIGHTS = [-0.1, -0.2, -0.3, -1.0, -1e16, 1e16, 1e-30, 0.0]
Paths = list[tuple[str | None, float]]
paths = st.lists(st.tuples(st.sampled_from([None, *KEYS]), st.sampled_from(WEIGHTS)), max_size=100)


@pytest.fixture(params=["reference", "native"])
def _backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSI_KERNELS", request.param)


def one(keys: Any, **options: Any) -> dict[str, Any]:
    return count_votes(keys, [0, len(keys)], **options).row(0, named=True)


@pytest.mark.usefixtures("_backend")
def test_questions_may_have_different_numbers_of_paths() -> None:
    keys = ["a", "b", "a", None, "b", "c", None, None]
    table = count_votes(keys, [0, 4, 4, 6, 8])
    expected = pl.DataFrame(
        {
            "key": ["a", None, None, None],
            "votes": pl.Series([2, 0, 1, 0], dtype=pl.Int32),
            "readable": pl.Series([3, 0, 2, 0], dtype=pl.Int32),
            "paths": pl.Series([4, 0, 2, 2], dtype=pl.Int32),
            "confidence": [0.5, 0.0, 0.5, 0.0],
            "margin": [0.25, 0.0, 0.0, 0.0],
            "entropy": [math.log2(3) - 2 / 3, 0.0, 1.0, 0.0],
            "tied": [["a"], [], ["b", "c"], []],
        }
    )
    assert_frame_equal(table, expected)


@pytest.mark.usefixtures("_backend")
class TestTies:
    def test_abstain(self) -> None:
        vote = one(["b", "a", "c", "a", "b"], weights=[0, -9, 0, -9, 0])
        assert vote["key"] is None
        assert vote["tied"] == ["a", "b"]

    def test_weights_decide(self) -> None:
        vote = one(["b", "a", "c", "a", "b"], weights=[0, -9, 99, -9, 0], ties="logprob")
        assert vote["key"] == "b"
        assert vote["tied"] == ["a", "b"]
        assert vote["margin"] == 0

    def test_weights_never_outvote(self) -> None:
        assert one(["a", "a", "b"], weights=[-9, -9, 0], ties="logprob")["key"] == "a"

    def test_equal_weights_abstain(self) -> None:
        # Adding these in floating point gives 0.6000000000000001 for one order and 0.6 for another.
        keys = ["a", "a", "a", "b", "b", "b"]
        weights = [0.1, 0.2, 0.3, 0.3, 0.2, 0.1]
        assert one(keys, weights=weights, ties="logprob")["key"] is None

    def test_sums_are_exact(self) -> None:
        keys = ["a", "a", "a", "b", "b", "b"]
        weights = [1e16, 1.0, -1e16, 0.5, 0.0, 0.0]
        assert one(keys, weights=weights, ties="logprob")["key"] == "a"

    def test_weights_of_null_keys_are_ignored(self) -> None:
        weights = [0.0, -1.0, 99.0]
        assert one(["a", "b", None], weights=weights, ties="logprob")["key"] == "a"


@pytest.mark.usefixtures("_backend")
def test_unanimous_vote_has_full_confidence() -> None:
    assert one(["a"] * 7) | {"tied": None} == {
        "key": "a", "votes": 7, "readable": 7, "paths": 7,
        "confidence": 1.0, "margin": 1.0, "entropy": 0.0, "tied": None,
    }  # fmt: skip


@pytest.mark.usefixtures("_backend")
@pytest.mark.parametrize(
    "keys",
    [
        pl.Series(["x", "a", "b", "a"])[1:],
        pl.DataFrame({"key": ["a", "b", "a"]})["key"],
        pl.concat([pl.Series(["a"]), pl.Series(["b", "a"])], rechunk=False),
        ("a", "b", "a"),
    ],
    ids=["sliced", "column", "chunked", "tuple"],
)
def test_keys_of_all_types_are_accepted(keys: Any) -> None:
    assert one(keys)["key"] == "a"


@pytest.mark.usefixtures("_backend")
@pytest.mark.parametrize("keys", [[None, None], pl.Series([None, None])])
def test_null_keys_do_not_vote(keys: Any) -> None:
    assert one(keys)["readable"] == 0


@pytest.mark.usefixtures("_backend")
def test_result_for_no_questions_is_empty() -> None:
    table = count_votes([], [0])
    assert table.height == 0
    assert table.columns[-1] == "tied"


@given(paths, st.lists(st.integers(0, 100), max_size=5), st.sampled_from(TIES))
def test_native_equals_reference(drawn: Paths, cuts: list[int], ties: Ties) -> None:
    keys = pl.Series([key for key, _ in drawn], dtype=pl.String)
    weights = [weight for _, weight in drawn]
    offsets = [0, *sorted(min(cut, len(keys)) for cut in cuts), len(keys)]
    tables = []
    for backend in ("reference", "native"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LMSI_KERNELS", backend)
            tables.append(count_votes(keys, offsets, weights, ties))
    assert_frame_equal(*tables, check_exact=True)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20))
def test_entropy_is_in_bits(counts: list[int]) -> None:
    shares = [count / sum(counts) for count in counts]
    expected = math.fsum(-p * math.log2(p) for p in shares)
    assert reference.entropy(counts) == pytest.approx(expected, rel=0, abs=1e-12)


@given(st.data(), paths, st.sampled_from(TIES))
def test_order_does_not_matter(data: st.DataObject, drawn: Paths, ties: Ties) -> None:
    shuffled = data.draw(st.permutations(drawn))
    tables = [
        count_votes([k for k, _ in order], [0, len(order)], [w for _, w in order], ties)
        for order in (drawn, shuffled)
    ]
    assert_frame_equal(*tables, check_exact=True)


def test_vote_columns_outlive_their_input() -> None:
    """Long keys are copied, so that the table needs neither the keys nor the kernel's own memory."""
    keys = pl.Series([f"span:{'x' * 20}{i // 3}" for i in range(3000)])
    table = count_votes(keys, range(0, 3001, 3))
    expected = keys.gather_every(3).to_list()
    del keys
    assert table["key"].to_list() == expected
    assert table["tied"].to_list() == [[key] for key in expected]


def test_a_large_group_of_distinct_keys() -> None:
    keys = [f"num:{i}" for i in range(50_000)] + ["num:7"]
    vote = one(keys)
    assert (vote["key"], vote["votes"], vote["readable"]) == ("num:7", 2, 50_001)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], []), "offsets must be a list of integers"),
        ((["a"], [0.0, 1.0]), "offsets must be a list of integers"),
        ((["a"], [1, 1]), r"offsets\[0\] must be 0, not 1"),
        ((["a", "b"], [0, 2, 1, 2]), r"offsets\[2\] = 1 is below offsets\[1\] = 2"),
        ((["a", "b"], [0, 1]), r"offsets\[1\] = 1 must be the number of keys, 2"),
        ((["a", "b"], [0, 2], [0.0, math.nan]), r"weights\[1\] = nan"),
        ((["a", "b"], [0, 2], [-math.inf, 0.0]), r"weights\[0\] = -inf"),
        ((["a", "b"], [0, 2], [0.0]), r"one number per key \(2\)"),
        ((["a"], [0, 1], None, "first"), "one of abstain, logprob, not 'first'"),
        ((["a"], [0, 1], None, "logprob"), "needs weights"),
        ((pl.Series([1]), [0, 1]), "keys must be strings, not Int64"),
    ],
)
def test_bad_input_is_named(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_votes(*arguments)


def test_numpy_offsets_are_accepted() -> None:
    offsets = np.array([0, 2, 3], np.uint32)
    assert count_votes(["a", "a", "b"], offsets)["votes"].to_list() == [2, 1]
