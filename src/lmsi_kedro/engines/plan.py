"""Plans the chunks to sample; `sample_paths` computes those that are not stored yet."""

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

from lmsi_kedro.engines.architecture import with_date
from lmsi_kedro.engines.capacity import with_rows
from lmsi_kedro.engines.chunk import Chunk, Request
from lmsi_kedro.engines.executors import Executor, executor_of
from lmsi_kedro.engines.running_votes import Reader, RunningVotes
from lmsi_kedro.params import EngineParams, Sampling

log = logging.getLogger(__name__)
PATH_BLOCK = 8


@dataclass(frozen=True)
class Wanted:
    """A request for paths: prompts by question_id, path indices, sampling parameters and constant columns."""

    prompts: Mapping[str, str]
    paths: range
    sampling: Sampling
    columns: Mapping[str, str]

    def without(self, decided: Collection[str]) -> "Wanted":
        """The same request without the decided questions."""
        left = {q: prompt for q, prompt in self.prompts.items() if q not in decided}
        return replace(self, prompts=left)


@dataclass
class Plan:
    """The chunks to sample from a model; `compute(missing)` yields (chunk_id, table) as they finish.

    read: parses the answers of a chunk's paths, so that the progress can show how many agree. early_stop: if this
    confidence is given, only paths before the horizon are planned, and `then` plans the next block for those
    questions that are still undecided. All requests must be added before `chunks` is first used.
    """

    model: Path
    digest: str
    engine: EngineParams
    read: Reader | None = None
    early_stop: float | None = None
    wanted: list[Wanted] = field(default_factory=list)
    votes: RunningVotes | None = None  # the votes of the earlier stages
    horizon: int = PATH_BLOCK

    def add(
        self,
        prompts: Mapping[str, str],
        paths: range,
        sampling: Sampling,
        columns: Mapping[str, str],
    ) -> None:
        """Adds these paths for every question_id; the common prefix of a chunk's prompts is computed once."""
        assert "chunks" not in vars(self), "the plan is already cut into chunks"
        self.wanted.append(Wanted(prompts, paths, sampling, columns))

    def add_all(
        self,
        spread: Iterable[tuple[str, range, Mapping[str, str]]],
        sampling: Sampling,
        **columns: str,
    ) -> None:
        """Adds all requests that `tasks.questions.spread` yields: exemplar sets, path indices and prompts."""
        for exemplar_set, indices, prompts in spread:
            self.add(prompts, indices, sampling, {"exemplar_set": exemplar_set, **columns})

    @property
    def is_empty(self) -> bool:
        """Whether no path is requested."""
        return not any(wanted.prompts for wanted in self.wanted)

    def on(self, day: date) -> "Plan":
        """The same plan, with this date if the chat template writes one."""
        engine = with_date(self.engine, self.model, day)
        return self if engine is self.engine else replace(self, engine=engine)

    @property
    def address(self) -> str:
        """The hash of all requested paths; it does not depend on the machine or the size of the chunks."""
        wanted = [
            [*map(list, w.prompts.items()), repr(w.paths), w.sampling.model_dump(), dict(w.columns)]
            for w in self.wanted
        ]
        engine = self.engine.conversation.model_dump(mode="json") | {"dtype": self.engine.dtype}
        content = [self.digest, engine, self.early_stop, wanted]
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()

    @cached_property
    def sized(self) -> EngineParams:
        """The engine parameters with a batch size that fits into memory for the longest prompt."""
        prompts = [list(wanted.prompts.values()) for wanted in self.wanted if wanted.prompts]
        new = max((wanted.sampling.max_new_tokens for wanted in self.wanted), default=0)
        return with_rows(self.engine, self.model, prompts, new)

    @cached_property
    def executor(self) -> Executor:
        """The executor, which all stages share so that the model is loaded once."""
        return executor_of(self.model, self.digest, self.sized)

    def close(self) -> None:
        """Ends the workers, after the last stage."""
        self.executor.close()

    @cached_property
    def chunks(self) -> dict[str, Chunk]:
        """The chunks of this stage, by address."""
        cut = [c for wanted in self.wanted for block in self.now(wanted) for c in self.cut(block)]
        return {chunk.address(self.digest, self.sized.identity): chunk for chunk in cut}

    def now(self, wanted: Wanted) -> Iterator[Wanted]:
        """This stage's paths in blocks of at most PATH_BLOCK, so that raising m keeps the existing chunks."""
        for start in range(0, len(wanted.paths), PATH_BLOCK):
            block = wanted.paths[start : start + PATH_BLOCK]
            if block.start < self.horizon or not self.early_stop:
                yield replace(wanted, paths=block)

    def later(self, wanted: Wanted) -> Wanted:
        """The paths of later stages."""
        begun = sum(len(block.paths) for block in self.now(wanted))
        return replace(wanted, paths=wanted.paths[begun:])

    def cut(self, block: Wanted) -> Iterator[Chunk]:
        """Cuts a block of paths into chunks of at most paths_per_chunk paths.

        A chunk has at most `rows` questions, since all of them are computed as one batch.
        """
        assert self.sized.rows is not None
        size = max(1, min(self.sized.paths_per_chunk // len(block.paths), self.sized.rows))
        requests = tuple(Request(q, prompt, block.paths) for q, prompt in block.prompts.items())
        for start in range(0, len(requests), size):
            yield Chunk(requests[start : start + size], block.sampling, block.columns)

    def compute(self, missing: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yields the missing chunks, each as soon as it is finished."""
        if not missing:
            return
        paths = sum(self.chunks[name].paths for name in missing)
        progress = Progress(len(missing), paths, self.running())
        # Large chunks first, so that workers finish at about the same time. Chunks of equal size keep their order,
        # in which adjacent chunks share exemplars. `Schedule` moves some up that share questions.
        order = sorted(missing, key=lambda name: -self.chunks[name].paths)
        for name, table in self.executor.compute(self.chunks, order):
            progress.add(table)
            yield name, table

    def running(self) -> RunningVotes:
        """A copy of the votes of the earlier stages, to which those of this stage are added."""
        return self.votes.copy() if self.votes else RunningVotes(self.read)

    def then(self, paths: Iterable[pl.DataFrame]) -> "Plan | None":
        """The plan of the next block of paths, for questions that are still undecided; None after the last block.

        It depends only on the content of earlier blocks, so a resumed run makes the same plan.
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
    """Logs the progress of sampling, at most every few seconds; the time left is that of `all_paths` paths."""

    def __init__(
        self, chunks: int, all_paths: int, votes: RunningVotes, every: float = 5.0
    ) -> None:
        self.chunks, self.all_paths, self.every, self.votes = chunks, all_paths, every, votes
        self.done = self.paths = self.tokens = 0
        self.start = self.last_log = time.monotonic()

    def add(self, table: pl.DataFrame) -> None:
        self.done += 1
        self.paths += table.height
        self.tokens += int(table["tokens"].sum())
        self.votes.add(table)
        now = time.monotonic()
        if now - self.last_log >= self.every or self.done == self.chunks:
            self.last_log = now
            seconds = now - self.start
            left = seconds / self.paths * (self.all_paths - self.paths)
            progress = {"share": self.paths / self.all_paths, "left": left}
            log.info("sampled %s", self.text(seconds, left), extra=progress)

    def text(self, seconds: float, left: float) -> str:
        agreement = self.votes.agreement
        agree = "" if agreement is None else f", {agreement:.0%} agree"
        return (
            f"{self.done} of {self.chunks} chunks: {self.paths} paths{agree}, "
            f"{self.paths / seconds:.0f} paths/s, {self.tokens / seconds:.0f} tokens/s, {left:.0f} s left"
        )
