from itertools import combinations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.batches import SPARE, BatchPlan, MicroBatches, cut, sample_rows


def plan(
    lengths: list[int],
    batch_size: int = 8,
    micro_steps: int = 1,
    processes: int = 1,
    steps: int = 3,
) -> BatchPlan:
    encoded = [Encoded(list(range(10, 10 + length)), 2) for length in lengths]
    weights = [1.0 + row % 2 for row in range(len(lengths))]
    rows = sample_rows(len(lengths), steps, batch_size, seed=5)
    return BatchPlan(rows, encoded, weights, micro_steps, processes)


def test_examples_repeat_only_after_a_full_epoch() -> None:
    rows = sample_rows(examples=10, steps=5, batch_size=4, seed=0)
    assert sorted(rows.ravel()[:10]) == list(range(10))
    assert sorted(rows.ravel()[10:]) == list(range(10))
    assert (rows == sample_rows(10, 5, 4, seed=0)).all()
    assert (rows != sample_rows(10, 5, 4, seed=1)).any()


@given(
    lengths=st.lists(st.integers(3, 60), min_size=1, max_size=30),
    micro_steps=st.integers(1, 3),
    processes=st.integers(1, 3),
    spare=st.integers(0, 6),
)
def test_micro_batches_partition_the_batch(
    lengths: list[int], micro_steps: int, processes: int, spare: int
) -> None:
    whole = plan(lengths, micro_steps * processes + spare, micro_steps, processes)
    batches = [MicroBatches(whole, process) for process in range(processes)]
    for step in range(whole.steps):
        indices = range(step * micro_steps, (step + 1) * micro_steps)
        shares = [batch[index] for batch in batches for index in indices]
        assert all(shares)
        assert sorted(row for share in shares for row in share) == sorted(whole.rows[step])


def test_examples_with_common_prefix_are_in_one_share() -> None:
    """Eight examples of 40 tokens, 30 of them in common, cost 110 tokens, as much as two others of 55."""
    alike = [Encoded([*range(30), *[40 + n] * 10], 3) for n in range(8)]
    others = [Encoded([100 + n] * 55, 3) for n in range(2)]
    encoded = [*alike[:4], *others, *alike[4:]]
    shares = BatchPlan(np.array([range(10)]), encoded, [1.0] * 10, 2, 1).shares(0)
    assert shares == [[0, 1, 2, 3, 6, 7, 8, 9], [4, 5]]


@given(
    rows=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=8),
    micro_steps=st.integers(1, 3),
    processes=st.integers(1, 3),
)
def test_processes_get_balanced_shares(
    rows: list[tuple[int, int]], micro_steps: int, processes: int
) -> None:
    """The shares are compared with all other ways to cut the rows."""
    lengths = [length for length, _ in rows]
    repeated = [
        0,
        *(min(alike, lengths[i], lengths[i + 1]) for i, (_, alike) in enumerate(rows[1:])),
    ]
    parts = micro_steps * processes
    assume(parts <= len(rows))

    def cost(starts: list[int]) -> tuple[int, int]:
        """The tokens of the largest share, and the sum over micro-steps of the tokens of their largest shares."""
        ends = [*starts[1:], len(lengths)]
        tokens = [
            sum(lengths[start:end]) - sum(repeated[start + 1 : end])
            for start, end in zip(starts, ends, strict=True)
        ]
        return max(tokens), sum(max(tokens[i : i + processes]) for i in range(0, parts, processes))

    starts = cut(lengths, repeated, micro_steps, processes)
    assert starts == sorted(set(starts))
    assert (starts[0], len(starts)) == (0, parts)
    if micro_steps < 3:
        costs = [cost([0, *o]) for o in combinations(range(1, len(lengths)), parts - 1)]
        limit = SPARE * min(largest for largest, _ in costs)
        largest, waited = cost(starts)
        assert largest <= limit
        assert waited == min(waited for largest, waited in costs if largest <= limit)
