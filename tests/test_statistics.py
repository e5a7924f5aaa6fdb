"""Every statistic equals a brute-force version of its definition."""

from itertools import combinations
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmsi_kedro import statistics


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (3, 10), (10, 10), (377, 800)])
def test_wilson_solves_its_quadratic(successes: int, n: int) -> None:
    """Each bound is a share that is 1.96 of its own standard errors away from the observed share."""
    z = 1.959963984540054
    for share in statistics.wilson(successes, n):
        distance = abs(successes / n - share)
        assert distance == pytest.approx(z * sqrt(share * (1 - share) / n), abs=1e-9)


@given(st.integers(0, 14), st.integers(0, 14))
def test_mcnemar_sums_the_binomial_tail(gained: int, lost: int) -> None:
    flips = gained + lost
    tail = sum(comb(flips, i) for i in range(flips + 1) if abs(2 * i - flips) >= abs(gained - lost))
    assert statistics.mcnemar(gained, lost) == pytest.approx(tail / 2**flips)


def test_bootstrap_equals_resampling_questions() -> None:
    flips = np.repeat([1, -1, 0], [40, 10, 150])
    drawn = np.random.default_rng(1).choice(flips, size=(20_000, len(flips))).mean(axis=1)
    assert statistics.bootstrap_delta(40, 10, 200) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.006
    )


def test_bootstrap_is_seeded_and_surrounds_the_delta() -> None:
    first = statistics.bootstrap_delta(40, 10, 200)
    assert first == statistics.bootstrap_delta(40, 10, 200)
    assert first.low < 30 / 200 < first.high


def test_clustered_bootstrap_equals_resampling_clusters() -> None:
    """The changes of a question are equal for its 1 to 3 seeds, so whole questions must be resampled."""
    rng = np.random.default_rng(3)
    questions = [rng.choice([1, 0, -1], p=[0.3, 0.6, 0.1]) for _ in range(60)]
    rows = [(f"q{i}", flip) for i, flip in enumerate(questions) for _ in range(1 + i % 3)]
    clusters, flips = [name for name, _ in rows], np.array([flip for _, flip in rows])
    by_hand = []
    for _ in range(4000):
        drawn = rng.integers(0, 60, 60)
        sizes = [1 + i % 3 for i in drawn]
        total = sum(questions[i] * size for i, size in zip(drawn, sizes, strict=True))
        by_hand.append(total / sum(sizes))
    found = statistics.clustered_bootstrap(flips, clusters)
    assert found == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])), abs=0.02)
    alone = statistics.clustered_bootstrap(flips, [str(i) for i in range(len(flips))])
    assert found.high - found.low > 1.2 * (alone.high - alone.low)


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_equals_its_definition(p_values: list[float]) -> None:
    """In order of p, hypotheses are rejected at level a while p <= a / (number of hypotheses left)."""
    corrected = statistics.holm(p_values)
    for level in (0.01, 0.05, 0.3, 0.9):
        rejected, left = set(), len(p_values)
        for index in sorted(range(len(p_values)), key=p_values.__getitem__):
            if p_values[index] * left > level:
                break
            rejected.add(index)
            left -= 1
        assert {i for i, p in enumerate(corrected) if p <= level} == rejected


@given(st.data())
def test_subset_statistics_equal_enumeration(data: st.DataObject) -> None:
    """pass@k and maj@k equal the means over all subsets of k of up to 9 paths; ties count as wrong."""
    counts = data.draw(st.lists(st.integers(0, 3), min_size=3, max_size=3))
    correct, unreadable, k = counts[0], data.draw(st.integers(0, 2)), data.draw(st.integers(1, 6))
    paths = [key for key, count in enumerate(counts) for _ in range(count)] + [None] * unreadable
    subsets = list(combinations(paths, k))
    if not subsets:
        return
    wins = [max(s.count(1), s.count(2)) < s.count(0) for s in subsets]
    assert statistics.maj_at_k(correct, counts[1:], unreadable, k) == pytest.approx(np.mean(wins))
    passes = np.mean([0 in s for s in subsets])
    assert statistics.pass_at_k(correct, len(paths), k) == pytest.approx(passes)


def test_maj_at_k_is_exact_beyond_64_bits() -> None:
    """If one of the 100 correct votes is left out, there is a tie; otherwise the correct key wins."""
    assert statistics.maj_at_k(100, [99], 0, 198) == pytest.approx(99 / 199)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40))
def test_calibration_equals_its_definition(pairs: list[tuple[int, bool]]) -> None:
    confidence = np.array([votes / 20 for votes, _ in pairs])
    correct = np.array([right for _, right in pairs])
    bins = statistics.reliability(confidence, correct)
    members = {b: [p for p in pairs if 4 * b < max(p[0], 1) <= 4 * (b + 1)] for b in range(5)}
    expected = {b: inside for b, inside in members.items() if inside}
    assert [b.n for b in bins] == [len(inside) for inside in expected.values()]
    for found, inside in zip(bins, expected.values(), strict=True):
        assert found.confidence == pytest.approx(np.mean([votes / 20 for votes, _ in inside]))
        assert found.accuracy == pytest.approx(np.mean([right for _, right in inside]))
        assert found.accuracy_low <= found.accuracy <= found.accuracy_high
    gaps = [sum(right - votes / 20 for votes, right in inside) for inside in expected.values()]
    error = sum(map(abs, gaps)) / len(pairs)
    assert statistics.expected_calibration_error(bins) == pytest.approx(error)
    squares = [(votes / 20 - right) ** 2 for votes, right in pairs]
    assert statistics.brier(confidence, correct) == pytest.approx(np.mean(squares))


@given(
    st.sampled_from([0.5, 0.8, 0.9, 1.0]),
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30),
)
def test_threshold_is_lowest_with_wanted_precision(
    wanted: float, pairs: list[tuple[int, bool]]
) -> None:
    confidence = np.array([votes / 8 for votes, _ in pairs])
    correct = np.array([right for _, right in pairs])
    found = statistics.threshold_for(wanted, confidence, correct)
    above = {v / 8: [right for votes, right in pairs if votes >= v] for v, _ in pairs}
    enough = {c: kept for c, kept in above.items() if sum(kept) >= wanted * len(kept)}
    if not enough:
        assert found is None
        return
    assert found is not None
    kept = enough[min(enough)]
    assert found.confidence == min(enough)
    assert found.n == len(kept)
    assert found.precision == pytest.approx(sum(kept) / len(kept))
    assert (found.precision_low, found.precision_high) == statistics.wilson(sum(kept), len(kept))
