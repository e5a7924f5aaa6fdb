"""Tests sample_tokens: published random numbers, filters, distribution, and independence of the batch."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from lmsi_kedro.kernels.sampling import reference, sample_tokens
from lmsi_kedro.kernels.sampling.rules import Rules
from tests.kernels.instruction_sets import ISAS, select, supported
from tests.kernels.sampling.cases import (
    PLANS,
    Row,
    Sampling,
    counters_of,
    draw,
    logits_of,
)


@pytest.mark.parametrize(
    ("counter", "bits"),
    [  # kat_vectors of the Random123 distribution, first two words
        ([0, 0, 0, 0], 0xE169C58D6627E8D5),
        ([2**64 - 1, 2**64 - 1, 2**32 - 1, 2**32 - 1], 0x41C83B0E408F276D),
        ([0x299F31D0A4093822, 0x85A308D3243F6A88, 0x13198A2E, 0x03707344], 0x94FDCCEBD16CFE09),
    ],
)
def test_philox_matches_published_numbers(counter: list[int], bits: int) -> None:
    assert int(reference.philox(np.array([counter], np.uint64))[0]) == bits


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("vocabulary", [1, 3, 16, 17, 255, 600, 4097])
@pytest.mark.parametrize("spread", [0.0, 0.5, 4.0])
def test_native_equals_reference(
    isa: str, vocabulary: int, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(isa, monkeypatch)
    logits = logits_of(12, vocabulary, spread)
    logits[6:] = np.round(logits[6:])  # many ties
    logits[::2, 1::3] = -np.inf
    counters = counters_of(12, vocabulary)
    for plan in PLANS:
        tokens, logprobs = sample_tokens(logits, plan, counters)
        expected, expected_logprobs = reference.sample_tokens(logits, Rules.of(plan), counters)
        np.testing.assert_array_equal(tokens, expected, err_msg=str(plan))
        np.testing.assert_allclose(logprobs, expected_logprobs, atol=1e-6)


def test_instruction_sets_agree_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, counters = logits_of(16, 20_000, 2.0), counters_of(16)
    drawn = []
    for isa in filter(supported, ISAS):
        monkeypatch.setenv("LMSI_ISA", isa)
        drawn.append([sample_tokens(logits, plan, counters) for plan in PLANS])
    for other in drawn[1:]:
        np.testing.assert_array_equal(
            [np.concatenate(pair) for pair in other], [np.concatenate(pair) for pair in drawn[0]]
        )


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.0])
def test_weights_are_close_to_powers_of_two(temperature: float) -> None:
    logits = np.linspace(-60, 0, 200_001).astype(np.float32)
    scale = Rules.of(Sampling(temperature)).scale
    weights = reference.weights_of(logits.astype(np.float64), scale)
    assert weights[-1] == 2**44
    exact = np.exp2(logits.astype(np.float64) * scale + 44)
    # The exponents of small weights are rounded.
    assert (np.abs(weights - exact) <= 4e-6 * exact + 1).all()
    near = exact >= 2.0**40
    assert (np.abs(weights - exact)[near] <= 5e-7 * exact[near]).all()


def test_fused_arithmetic_changes_at_most_one_in_million() -> None:
    # The gap between the two cumulative sums is the share of samples that differ. C++ and Triton round a
    # fused multiply-add once, and the reference rounds it twice; this is the only difference.
    for spread in (0.0, 1.0, 4.0):
        logits = logits_of(1, 150_000, spread)
        exact = reference.weights_of(logits[0].astype(np.float64), Rules.of(Sampling(0.7)).scale)
        other = fused_weights(logits[0], np.float32(Rules.of(Sampling(0.7)).scale))
        gap = np.abs(np.cumsum(exact) / exact.sum() - np.cumsum(other) / other.sum())
        assert gap.sum() < 1e-6


def fused_weights(logits: NDArray[np.float32], scale: np.float32) -> NDArray[np.int64]:
    """Computes reference.weights_of with each multiply-add in 80 bits, so that it is rounded only once."""
    y = np.maximum((logits - logits.max()) * scale, np.float32(-64))
    n = np.rint(y)
    power = np.full_like(y, reference.POWER[0])
    for coefficient in reference.POWER[1:]:
        power = (power.astype(np.longdouble) * (y - n) + coefficient).astype(np.float32)
    weights = np.ldexp(power.astype(np.float64), (n + 44).astype(np.int32))
    return np.asarray(weights, np.int64)


class TestFilters:
    """Checks which tokens can be sampled; 2,000 samples reach all of them."""

    def reached(self, row: Row, **parameters: Any) -> list[int]:
        return sorted(set(draw(row, Sampling(**parameters)).tolist()))

    def test_every_token_is_reachable(self, backend: str) -> None:
        assert self.reached([0.0] * 64) == list(range(64))

    def test_top_k_keeps_the_largest(self, backend: str) -> None:
        assert self.reached([0, 1, 3, 2], top_k=2) == [2, 3]

    def test_top_k_keeps_lowest_ids_of_ties(self, backend: str) -> None:
        assert self.reached([1, 2, 1, 1, 0], top_k=3) == [0, 1, 2]

    def test_top_k_may_exceed_the_vocabulary(self, backend: str) -> None:
        assert self.reached([0, 0], top_k=99) == [0, 1]

    def test_top_p_keeps_the_token_that_reaches_it(self, backend: str) -> None:
        row = np.log([0.5, 0.3, 0.15, 0.05])
        assert self.reached(row, top_p=0.75) == [0, 1]
        assert self.reached(row, top_p=0.85) == [0, 1, 2]

    def test_top_p_always_keeps_one_token(self, backend: str) -> None:
        assert self.reached([0, 2, 1], top_p=1e-12) == [1]

    def test_top_p_keeps_lowest_ids_of_ties(self, backend: str) -> None:
        assert self.reached([0, 0, 0, 0], top_p=0.5) == [0, 1]

    def test_top_p_is_renormalised_after_top_k(self, backend: str) -> None:
        row = np.log([0.4, 0.3, 0.3])  # the first two, renormalised: 0.57 and 0.43
        assert self.reached(row, top_k=2, top_p=0.55) == [0]
        assert self.reached(row, top_p=0.55) == [0, 1]

    def test_min_p_is_relative_to_the_maximum(self, backend: str) -> None:
        assert self.reached(np.log([0.5, 0.26, 0.24]), min_p=0.5) == [0, 1]

    def test_temperature_is_applied_before_filters(self, backend: str) -> None:
        assert self.reached([1, 0], temperature=0.1, min_p=0.01) == [0]
        assert self.reached([1, 0], temperature=10.0, min_p=0.01) == [0, 1]

    def test_greedy_takes_the_lowest_id(self, backend: str) -> None:
        assert self.reached([0, 5, 5], temperature=0.0) == [1]

    def test_masked_tokens_are_never_sampled(self, backend: str) -> None:
        assert self.reached([-np.inf, 0, -np.inf, 0, -np.inf], top_k=4) == [1, 3]

    def test_zeros_of_both_signs_are_a_tie(self, backend: str) -> None:
        assert self.reached([-0.0, 0.0, -0.0], top_k=2) == [0, 1]


@pytest.mark.parametrize("plan", PLANS[:6], ids=str)
def test_distribution_by_chi_square(backend: str, plan: Sampling) -> None:
    row = logits_of(1, 30, 2.0)[0]
    rules = Rules.of(plan)
    weights = reference.weights_of(row.astype(np.float64), rules.scale)
    kept = reference.kept_tokens(row.astype(np.float64), weights, rules)
    rows = 3_000 if backend == "reference" else 20_000
    seen = np.bincount(draw(row, plan, rows), minlength=30)
    assert seen.sum() == seen[kept].sum()
    expected = rows * weights[kept] / weights[kept].sum()
    often = expected >= 5
    cells = [np.append(x[often], x[~often].sum()) for x in (seen[kept], expected)]
    cells = [x[cells[1] > 0] for x in cells]
    if len(cells[0]) > 1:
        assert stats.chisquare(*cells).pvalue > 1e-4


def test_rows_do_not_depend_on_the_batch(backend: str) -> None:
    logits, counters = logits_of(40, 700), counters_of(40)
    for plan in PLANS:
        together = np.array(sample_tokens(logits, plan, counters))
        backwards = np.array(sample_tokens(logits[::-1], plan, counters[::-1]))
        np.testing.assert_array_equal(together, backwards[:, ::-1])
        alone = [sample_tokens(logits[i : i + 1], plan, counters[i : i + 1]) for i in range(40)]
        np.testing.assert_array_equal(together, np.concatenate(alone, axis=1))


@pytest.mark.parametrize("column", range(4))
def test_every_counter_changes_the_tokens(backend: str, column: int) -> None:
    logits = np.zeros((50, 1000), np.float32)
    counters = counters_of(50)
    other = counters.copy()
    other[:, column] += np.uint64(1) << np.uint64(31)
    assert (sample_tokens(logits, Sampling(), counters)[0] !=
            sample_tokens(logits, Sampling(), other)[0]).mean() > 0.9  # fmt: skip


class TestTensors:
    def test_numpy_arrays_are_accepted(self, backend: str) -> None:
        logits, counters = logits_of(9, 300), counters_of(9)
        arrays = sample_tokens(logits, Sampling(0.7), counters)
        tensors = sample_tokens(
            torch.from_numpy(logits), Sampling(0.7), torch.from_numpy(counters.view(np.int64))
        )
        for array, tensor in zip(arrays, tensors, strict=True):
            np.testing.assert_array_equal(array, tensor.numpy())

    def test_bfloat16_equals_its_float32_values(self, backend: str) -> None:
        narrow = torch.from_numpy(logits_of(9, 300)).bfloat16()
        for plan in PLANS:
            pairs = zip(
                sample_tokens(narrow, plan, counters_of(9)),
                sample_tokens(narrow.float(), plan, counters_of(9)),
                strict=True,
            )
            assert all(torch.equal(a, b) for a, b in pairs)

    def test_strided_tensors_are_accepted(self, backend: str) -> None:
        logits = torch.from_numpy(logits_of(24, 50)).view(8, 3, 50).requires_grad_()
        strided = sample_tokens(logits[:, -1], Sampling(), counters_of(8))[0]
        dense = sample_tokens(logits[:, -1].contiguous(), Sampling(), counters_of(8))[0]
        assert torch.equal(strided, dense)
