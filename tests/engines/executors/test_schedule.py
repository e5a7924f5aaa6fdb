"""Each chunk is given once, no worker is idle while chunks are left, equal questions go to the same worker."""

import heapq
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from random import Random

import polars as pl
import pytest

from lmsi_kedro.engines.chunk import Chunk, Request
from lmsi_kedro.engines.executors.executor import finished
from lmsi_kedro.engines.executors.schedule import Schedule, groups
from lmsi_kedro.params import Sampling

SAMPLING = Sampling(temperature=0.7, max_new_tokens=8, seed=3)
PROMPT = 0.3  # about the share of SVAMP's questions in the time of SmolLM2's greedy paths


def chunk(questions: range, paths: range = range(8), shots: str = "") -> Chunk:
    asked = (Request(f"q{i}", f"{shots}Q: {i}?", paths) for i in questions)
    return Chunk(tuple(asked), SAMPLING, {})


def cut(questions: int, size: int, paths: range, shots: str = "") -> dict[str, Chunk]:
    return {
        f"{shots}{start}-{paths}": chunk(range(start, min(start + size, questions)), paths, shots)
        for start in range(0, questions, size)
    }


def evaluation(greedy: int, voted: int, m: int) -> dict[str, Chunk]:
    """Greedy paths without and with rationales, and m sampled paths in blocks of 8, as `Plan` cuts them."""
    found = cut(greedy, 256, range(1), "direct ") | cut(greedy, 256, range(1))
    for start in range(0, m, 8):
        found |= cut(voted, 64, range(start, start + 8))
    return found


def by_size(chunks: dict[str, Chunk]) -> list[str]:
    return sorted(chunks, key=lambda name: -chunks[name].paths)


@dataclass
class Simulated:
    """Workers that need a second for a path, and PROMPT for each prompt that is not in their last chunk."""

    chunks: dict[str, Chunk]
    workers: int
    ends: list[float] = field(default_factory=list)  # when each worker is done
    given: list[tuple[int, str]] = field(default_factory=list)
    prompts: int = 0

    def run(self) -> "Simulated":
        schedule = Schedule(self.chunks, by_size(self.chunks), self.workers)
        known: list[set[str]] = [set() for _ in range(self.workers)]
        idle = [(0.0, worker) for worker in range(self.workers)]
        while idle:
            now, worker = heapq.heappop(idle)
            name = schedule.next(worker)
            if name is None:
                self.ends.append(now)
                continue
            asked = {request.prompt for request in self.chunks[name].requests}
            new = 0 if asked <= known[worker] else len(asked)
            if new:
                known[worker] = asked
            self.prompts += new
            self.given.append((worker, name))
            heapq.heappush(idle, (now + self.chunks[name].paths + PROMPT * new, worker))
        return self


@pytest.mark.parametrize(("workers", "most"), [(1, 950), (2, 1150), (4, 1300)])
def test_equal_questions_go_to_one_worker(workers: int, most: int) -> None:
    """400 greedy questions in two formats, 500 with 16 paths: 1,800 prompts if none were kept, at least 900."""
    assert 900 <= Simulated(evaluation(400, 500, 16), workers).run().prompts <= most


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_blocks_of_questions_go_to_one_worker(workers: int) -> None:
    run = Simulated(evaluation(0, 640, 32), workers).run()
    assert run.prompts <= 640 + 64 * (workers - 1)
    assert len(run.given) == 40


def test_few_questions_are_shared_by_all_workers() -> None:
    run = Simulated(evaluation(0, 64, 32), 2).run()
    assert [worker for worker, _ in run.given] == [0, 1, 0, 1]


def test_few_large_chunks_are_shared_evenly() -> None:
    """All prompts of the sampled questions are among the greedy ones, but one worker would have too much to do."""
    run = Simulated(evaluation(400, 80, 8), 2).run()
    assert max(run.ends) - min(run.ends) < 0.15 * max(run.ends)


@pytest.mark.parametrize("seed", range(30))
def test_random_plans_are_shared_fairly(seed: int) -> None:
    """The bound of list scheduling, which holds if no worker is idle while chunks are left."""
    draw = Random(seed)
    chunks: dict[str, Chunk] = {}
    for _ in range(draw.randrange(1, 5)):
        paths = range(draw.randrange(1, 9))
        chunks |= cut(draw.randrange(1, 300), draw.randrange(1, 70), paths, draw.choice(["", "a "]))
    workers = draw.randrange(1, 7)
    run = Simulated(chunks, workers).run()
    assert sorted(name for _, name in run.given) == sorted(chunks)
    costs = [c.paths + PROMPT * len(c.requests) for c in chunks.values()]
    assert max(run.ends) <= sum(costs) / workers + max(costs)


@pytest.mark.parametrize("workers", range(1, 17))
@pytest.mark.parametrize("m", [8, 40])
@pytest.mark.parametrize("greedy", [0, 400])
def test_groups_do_not_delay_the_end(greedy: int, m: int, workers: int) -> None:
    """The workers may end later than with the largest chunk first, since a chunk is begun later, but not much."""
    chunks = evaluation(greedy, 400, m)
    ends = [0.0] * workers
    for name in by_size(chunks):
        ends[ends.index(min(ends))] += chunks[name].paths + PROMPT * len(chunks[name].requests)
    assert max(Simulated(chunks, workers).run().ends) < 1.15 * max(ends)


def test_idle_worker_takes_chunks_of_stuck_one() -> None:
    chunks = evaluation(400, 500, 16)
    schedule = Schedule(chunks, by_size(chunks), 2)
    stuck = schedule.next(0)
    taken = [name for _ in chunks if (name := schedule.next(1))]
    assert sorted([stuck, *taken]) == sorted(chunks)  # type: ignore[type-var]


def test_idle_worker_takes_last_of_the_busiest() -> None:
    """Its last one is the farthest from what it computes now."""
    schedule = Schedule(cut(9, 1, range(1)), [], 3)
    schedule.paths = {"a": 8, "b": 8, "c": 9, "d": 9}
    schedule.own = [deque(["a", "b"]), deque(), deque(["c", "d"])]
    assert [schedule.next(1) for _ in range(5)] == ["d", "b", "c", "a", None]


def test_group_is_halved_by_paths() -> None:
    schedule = Schedule({}, [], 2)
    schedule.paths = {"a": 4, "b": 1, "c": 1, "d": 1, "e": 1}
    assert schedule.split([*"abcde"], 8) == [[*"abcde"]]
    assert schedule.split([*"abcde"], 7) == [["a"], [*"bcde"]]
    assert schedule.split([*"abcde"], 2) == [["a"], [*"bc"], [*"de"]]
    assert schedule.split([*"edcba"], 4) == [[*"edcb"], ["a"]]


def test_chunks_of_equal_questions_are_neighbours() -> None:
    chunks = {"greedy": chunk(range(8), range(1))} | {
        f"{block} {start}": chunk(range(start, start + 2), range(8 * block, 8 * block + 8))
        for block in range(2)
        for start in (4, 0, 2)
    }
    expected = ["greedy", "0 0", "1 0", "0 2", "1 2", "0 4", "1 4"]
    assert groups(chunks, by_size(chunks)) == [expected]


def test_first_chunk_has_all_prompts_of_its_group() -> None:
    chunks = evaluation(400, 500, 16) | {"across": chunk(range(250, 260))}
    found = groups(chunks, by_size(chunks))
    assert sorted(name for group in found for name in group) == sorted(chunks)
    for first, *others in found:
        prompts = {request.prompt for request in chunks[first].requests}
        for other in others:
            assert {request.prompt for request in chunks[other].requests} <= prompts


class Inline:
    """Workers that finish one chunk after the other, in the order in which the chunks were submitted."""

    def __init__(self) -> None:
        self.submitted: list[tuple[int, str]] = []

    def __call__(self, worker: int, name: str) -> "Future[pl.DataFrame]":
        self.submitted.append((worker, name))
        future: Future[pl.DataFrame] = Future()
        if name == "bad":
            future.set_exception(ValueError("bad chunk"))
        else:
            future.set_result(pl.DataFrame({"name": [name]}))
        return future


def results(chunks: dict[str, Chunk], workers: int) -> Iterator[str]:
    submit = Inline()
    schedule = Schedule(chunks, by_size(chunks), workers)
    for name, table in finished(submit, schedule.next, workers):
        assert table["name"].to_list() == [name]
        yield name


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_each_chunk_is_yielded_once(workers: int) -> None:
    chunks = evaluation(300, 200, 16)
    assert sorted(results(chunks, workers)) == sorted(chunks)


def test_free_worker_does_not_wait_for_storage() -> None:
    submit, chunks = Inline(), cut(6, 1, range(1))
    found = finished(submit, Schedule(chunks, by_size(chunks), 2).next, 2)
    next(found)
    assert len(submit.submitted) == 3


def test_error_of_a_chunk_is_raised() -> None:
    with pytest.raises(ValueError, match="bad chunk"):
        [*results({"bad": chunk(range(1))}, 2)]


@pytest.mark.parametrize(("chunks", "expected"), [(1, [1, 0]), (9, [1, 1])])
def test_no_chunk_waits_for_a_busy_worker(chunks: int, expected: list[int]) -> None:
    given = [0, 0]
    made = {str(i): chunk(range(i, i + 1)) for i in range(chunks)}

    def submit(worker: int, name: str) -> "Future[pl.DataFrame]":
        given[worker] += 1
        future: Future[pl.DataFrame] = Future()
        if sum(given) == sum(expected):
            future.set_exception(EOFError())
        return future

    with pytest.raises(EOFError):
        [*finished(submit, Schedule(made, [*made], 2).next, 2)]
    assert given == expected
