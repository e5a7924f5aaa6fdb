"""What is to be sampled, cut into chunks; `sample` computes those that are not stored yet."""

import hashlib
import json
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl

from lmsi_kedro.engines.architecture import dated
from lmsi_kedro.engines.capacity import with_rows
from lmsi_kedro.engines.chunk import Chunk, Request
from lmsi_kedro.engines.executors import Executor, executor_of
from lmsi_kedro.engines.running_votes import Reader, RunningVotes
from lmsi_kedro.params import EngineParams, Sampling

log = logging.getLogger(__name__)
PATH_BLOCK = 8


@dataclass(frozen=True)
class Wanted:
    """Paths of some questions: their prompts by question_id, how they are drawn, constant columns."""

    prompts: Mapping[str, str]
    paths: range
    sampling: Sampling
    columns: Mapping[str, str]

    def without(self, decided: Collection[str]) -> "Wanted":
        """Of all other questions."""
        left = {q: prompt for q, prompt in self.prompts.items() if q not in decided}
        return replace(self, prompts=left)


@dataclass
class Plan:
    """Chunks to be computed by a model; iterate `compute(missing)` for (chunk_id, table) as they finish.

    read gives the keys of a chunk's paths: progress then tells how far they agree. With early_stop, a confidence,
    only the paths before the horizon are planned at once; `then` plans the next for the questions still open.
    It is cut into chunks when they are first asked for, after all has been added.
    """

    model: Path
    digest: str
    engine: EngineParams
    read: Reader | None = None
    early_stop: float | None = None
    wanted: list[Wanted] = field(default_factory=list)
    votes: RunningVotes | None = None  # of the earlier stages
    horizon: int = PATH_BLOCK

    def add(
        self,
        prompts: Mapping[str, str],
        paths: range,
        sampling: Sampling,
        columns: Mapping[str, str],
    ) -> None:
        """These paths for every question_id; what the prompts of a chunk begin with alike is computed once."""
        assert "chunks" not in vars(self), "a plan is cut when all of it is known"
        self.wanted.append(Wanted(prompts, paths, sampling, columns))

    def ask(
        self,
        spread: Iterable[tuple[str, range, Mapping[str, str]]],
        sampling: Sampling,
        **columns: str,
    ) -> None:
        """The same for exemplar sets, path indices and prompts, as `tasks.questions.spread` gives them."""
        for exemplar_set, indices, prompts in spread:
            self.add(prompts, indices, sampling, {"exemplar_set": exemplar_set, **columns})

    def on(self, day: date) -> "Plan":
        """The same plan, for chat templates that tell the date."""
        engine = dated(self.engine, self.model, day)
        return self if engine is self.engine else replace(self, engine=engine)

    @property
    def address(self) -> str:
        """The hash of all that is asked for, whatever machine computes it, and in chunks of which size."""
        wanted = [
            [*map(list, w.prompts.items()), repr(w.paths), w.sampling.model_dump(), dict(w.columns)]
            for w in self.wanted
        ]
        engine = self.engine.conversation.model_dump(mode="json") | {"dtype": self.engine.dtype}
        content = [self.digest, engine, self.early_stop, wanted]
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()

    @cached_property
    def sized(self) -> EngineParams:
        """The engine with a number of rows, for which the longest of all prompts has room."""
        prompts = [list(wanted.prompts.values()) for wanted in self.wanted if wanted.prompts]
        new = max((wanted.sampling.max_new_tokens for wanted in self.wanted), default=0)
        return with_rows(self.engine, self.model, prompts, new)

    @cached_property
    def executor(self) -> Executor:
        """Shared by all stages, so that a model is loaded once."""
        return executor_of(self.model, self.digest, self.sized)

    def close(self) -> None:
        """Lets the workers go, after the last stage."""
        self.executor.close()

    @cached_property
    def chunks(self) -> dict[str, Chunk]:
        """All that is drawn now, by address."""
        cut = [c for wanted in self.wanted for block in self.now(wanted) for c in self.cut(block)]
        return {chunk.address(self.digest, self.sized.identity): chunk for chunk in cut}

    def now(self, wanted: Wanted) -> Iterator[Wanted]:
        """Blocks of at most PATH_BLOCK paths, so that a larger m later keeps the chunks of a smaller one."""
        for start in range(0, len(wanted.paths), PATH_BLOCK):
            block = wanted.paths[start : start + PATH_BLOCK]
            if block.start < self.horizon or not self.early_stop:
                yield replace(wanted, paths=block)

    def later(self, wanted: Wanted) -> Wanted:
        """The paths that `now` leaves."""
        begun = sum(len(block.paths) for block in self.now(wanted))
        return replace(wanted, paths=wanted.paths[begun:])

    def cut(self, block: Wanted) -> Iterator[Chunk]:
        """One block of paths as chunks of at most paths_per_chunk paths.

        The questions of a chunk are computed at once, so they are no more than the rows that memory has room for.
        """
        assert self.sized.rows is not None
        size = max(1, min(self.sized.paths_per_chunk // len(block.paths), self.sized.rows))
        requests = tuple(Request(q, prompt, block.paths) for q, prompt in block.prompts.items())
        for start in range(0, len(requests), size):
            yield Chunk(requests[start : start + size], block.sampling, block.columns)

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        """The missing chunks, in the order in which they are finished."""
        if not missing:
            return
        progress = Progress(len(missing), self.running())
        for name, table in self.executor.compute(self.chunks, missing):
            progress.add(table)
            yield name, table

    def running(self) -> RunningVotes:
        """The votes of the earlier stages, to count on."""
        return self.votes.copy() if self.votes else RunningVotes(self.read)

    def then(self, paths: Iterable[pl.DataFrame]) -> "Plan | None":
        """The next block of paths, of the questions that the paths so far leave open; None when all is drawn.

        It depends on the content of the earlier blocks alone, so a resumed run plans what the first one did.
        """
        postponed = [later for wanted in self.wanted if (later := self.later(wanted)).paths]
        if not postponed or self.early_stop is None:
            return None
        votes = self.running()
        for table in paths:
            votes.add(table)
        decided = votes.decided(self.early_stop)
        log.info("early stop: %d of %d questions are decided", len(decided), len(votes.votes))
        still = [wanted.without(decided) for wanted in postponed]
        horizon = self.horizon + PATH_BLOCK
        following = replace(self, engine=self.sized, wanted=still, votes=votes, horizon=horizon)
        following.executor = self.executor
        return following


class Progress:
    """Says how far the sampling is, at most every few seconds."""

    def __init__(self, chunks: int, votes: RunningVotes, every: float = 5.0) -> None:
        self.chunks, self.every, self.votes = chunks, every, votes
        self.done = self.paths = self.tokens = 0
        self.start = self.said = time.monotonic()

    def add(self, table: pl.DataFrame) -> None:
        self.done += 1
        self.paths += table.height
        self.tokens += int(table["tokens"].sum())
        self.votes.add(table)
        now = time.monotonic()
        if now - self.said >= self.every or self.done == self.chunks:
            self.said = now
            seconds = now - self.start
            left = seconds / self.done * (self.chunks - self.done)
            progress = {"share": self.done / self.chunks, "left": left}
            log.info("sampled %s", self.text(seconds, left), extra=progress)

    def text(self, seconds: float, left: float) -> str:
        agreement = self.votes.agreement
        agree = "" if agreement is None else f", {agreement:.0%} agree"
        return (
            f"{self.done} of {self.chunks} chunks: {self.paths} paths{agree}, "
            f"{self.paths / seconds:.0f} paths/s, {self.tokens / seconds:.0f} tokens/s, {left:.0f} s left"
        )
