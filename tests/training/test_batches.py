import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmsi_kedro.training.batches import BatchPlan, MicroBatches, cut, draw
from lmsi_kedro.training.encoding import Encoded


def plan(lengths, batch_size=8, micro_steps=1, processes=1, steps=3):
    encoded = [Encoded(list(range(10, 10 + length)), 2) for length in lengths]
    weights = [1.0 + row % 2 for row in range(len(lengths))]
    rows = draw(len(lengths), steps, batch_size, seed=5)
    return BatchPlan(rows, encoded, weights, micro_steps, processes)


def test_every_example_is_seen_before_any_is_seen_again():
    rows = draw(examples=10, steps=5, batch_size=4, seed=0)
    assert sorted(rows.ravel()[:10]) == list(range(10))
    assert sorted(rows.ravel()[10:]) == list(range(10))
    assert (rows == draw(10, 5, 4, seed=0)).all()
    assert (rows != draw(10, 5, 4, seed=1)).any()


@given(
    lengths=st.lists(st.integers(3, 60), min_size=1, max_size=30),
    micro_steps=st.integers(1, 3),
    processes=st.integers(1, 3),
    spare=st.integers(0, 6),
)
def test_processes_and_micro_steps_share_out_the_same_batch(lengths, micro_steps, processes, spare):
    whole = plan(lengths, micro_steps * processes + spare, micro_steps, processes)
    batches = [MicroBatches(whole, process) for process in range(processes)]
    for step in range(whole.steps):
        indices = range(step * micro_steps, (step + 1) * micro_steps)
        shares = [batch[index] for batch in batches for index in indices]
        assert all(shares)
        assert sorted(row for share in shares for row in share) == sorted(whole.rows[step])


def test_examples_that_begin_alike_are_in_one_share():
    """Eight examples with 30 of 40 tokens in common cost 110, as much as the two others of 55."""
    alike = [Encoded([*range(30), *[40 + n] * 10], 3) for n in range(8)]
    others = [Encoded([100 + n] * 55, 3) for n in range(2)]
    encoded = [*alike[:4], *others, *alike[4:]]
    shares = BatchPlan(np.array([range(10)]), encoded, [1.0] * 10, 2, 1).shares(0)
    assert shares == [[0, 1, 2, 3, 6, 7, 8, 9], [4, 5]]


@given(costs=st.lists(st.integers(1, 500), min_size=1, max_size=40), data=st.data())
def test_parts_are_consecutive_full_and_about_equal(costs, data):
    parts = data.draw(st.integers(1, len(costs)))
    chosen = cut(costs, parts)
    assert chosen == sorted(chosen)
    assert set(chosen) == set(range(parts))
    sums = [
        sum(c for c, p in zip(costs, chosen, strict=True) if p == part) for part in range(parts)
    ]
    if len(costs) > 8 * parts and max(costs) < 2 * min(costs):
        assert max(sums) <= sum(costs) / parts + max(costs)
