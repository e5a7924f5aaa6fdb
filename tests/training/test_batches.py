import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmsi_kedro.training.batches import BatchPlan, MicroBatches, collate, draw
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
    shared = plan(lengths, micro_steps * processes + spare, micro_steps, processes)
    for step in range(shared.steps):
        buckets = [
            shared.share(step, micro_step, process)
            for micro_step in range(micro_steps)
            for process in range(processes)
        ]
        assert all(len(share) == shared.buckets and all(share) for share in buckets)
        rows = [row for share in buckets for bucket in share for row in bucket]
        assert sorted(rows) == sorted(shared.rows[step].tolist())


@pytest.mark.parametrize(("micro_steps", "processes"), [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_the_weights_of_a_step_sum_to_one_over_processes(micro_steps, processes):
    shared = plan([3, 9, 27, 12, 5, 31, 8], 7, micro_steps, processes)
    batches = [MicroBatches(shared, process) for process in range(processes)]
    parts = [
        bucket["weights"].sum()
        for batch in batches
        for index in range(micro_steps)
        for bucket in batch[index]["buckets"]
    ]
    assert sum(parts) / processes == pytest.approx(1)


def test_buckets_hold_examples_of_similar_length():
    lengths = np.random.default_rng(0).integers(10, 300, 320)
    bucketed = plan(lengths.tolist(), batch_size=32, steps=10)
    padded = sum(
        bucket["input_ids"].numel()
        for index in range(10)
        for bucket in MicroBatches(bucketed, 0)[index]["buckets"]
    )
    assert padded < 1.25 * lengths.sum()
    assert 1.5 * padded < lengths.size * lengths.max()


def test_positions_are_those_that_predict_target_and_end():
    batch = collate([Encoded([5, 6, 7, 8], 3), Encoded([1, 2, 3, 4, 9, 0], 4)])
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8] + [0] * 12, [1, 2, 3, 4, 9, 0] + [0] * 10]
    assert batch["positions"].tolist() == [2, 16 + 3, 16 + 4]
    assert batch["targets"].tolist() == [8, 9, 0]
