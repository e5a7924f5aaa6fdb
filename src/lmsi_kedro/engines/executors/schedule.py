"""Assigns chunks to workers such that the prompt of a question is computed as rarely as possible.

Greedy and sampled paths of a question, and the blocks of its sampled paths, are in different chunks with the same
prompt. A worker keeps the prompts of its last chunk (`TreeDecoder.start`), so it should get all of these chunks.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from lmsi_kedro.engines.chunk import Chunk


class Schedule:
    """The chunks that no worker has begun yet; `next` removes one of them.

    Their groups keep the order of `names`, so with large chunks first the workers finish at about the same time.
    """

    def __init__(self, chunks: Mapping[str, Chunk], names: Sequence[str], workers: int) -> None:
        self.paths = {name: chunks[name].paths for name in names}
        # Half of a worker's fair share: with whole shares, 1.8 % of simulated plans took over 10 % longer than
        # without groups, with halves 0.1 %.
        most = sum(self.paths.values()) / workers / 2
        parts = [part for group in groups(chunks, names) for part in self.split(group, most)]
        place = {name: i for i, name in enumerate(names)}
        self.waiting = deque(sorted(parts, key=lambda part: min(place[name] for name in part)))
        self.own: list[deque[str]] = [deque() for _ in range(workers)]

    def next(self, worker: int) -> str | None:
        """The chunk that this worker should compute next; None if none is left."""
        own = self.own[worker]
        if not own and self.waiting:
            own.extend(self.waiting.popleft())
        if own:
            return own.popleft()
        most = max(self.own, key=self.size)
        return most.pop() if most else None

    def size(self, names: Iterable[str]) -> int:
        """The number of paths of these chunks."""
        return sum(self.paths[name] for name in names)

    def split(self, group: Sequence[str], most: float) -> list[Sequence[str]]:
        """Halves a group until no part has more than `most` paths, or a part is one chunk."""
        if len(group) == 1 or self.size(group) <= most:
            return [group]
        sizes = list(accumulate(self.paths[name] for name in group))
        cut = max(1, bisect_right(sizes, sizes[-1] / 2))
        return [*self.split(group[:cut], most), *self.split(group[cut:], most)]


def groups(chunks: Mapping[str, Chunk], names: Sequence[str]) -> list[list[str]]:
    """Groups chunks by their questions: the first chunk of a group has the prompts of all others."""
    found: list[list[str]] = []
    home: dict[str, int] = {}  # the group of each prompt
    for name in sorted(names, key=lambda name: -len(chunks[name].requests)):
        prompts = [request.prompt for request in chunks[name].requests]
        homes = {home.get(prompt, -1) for prompt in prompts}
        if len(homes) == 1 and -1 not in homes:
            found[homes.pop()].append(name)
        else:
            home |= dict.fromkeys(prompts, len(found))
            found.append([name])
    return [in_order(chunks, group) for group in found]


def in_order(chunks: Mapping[str, Chunk], group: Sequence[str]) -> list[str]:
    """The first chunk, then the others by their first question, so that parts have equal questions."""
    place = {request.prompt: i for i, request in enumerate(chunks[group[0]].requests)}
    return [group[0], *sorted(group[1:], key=lambda name: place[chunks[name].requests[0].prompt])]
