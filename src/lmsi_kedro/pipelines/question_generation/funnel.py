"""Selects the candidates to vote on: they must be well-formed, new, and not in an evaluation set.

The funnel adds a reason to every candidate: the first test that it fails.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import QuestionGenerationParams
from lmsi_kedro.tasks import Asked, words_of
from lmsi_kedro.tasks.continuation import Shape, read_question
from lmsi_kedro.tasks.overlap import Evaluated
from lmsi_kedro.tasks.questions import asked_in, question_id
from lmsi_kedro.tasks.thoughts import spoken

SHINGLE = 3  # words; two questions of twenty words that differ in one word share 15 of 21 shingles
OPEN = "to be voted on"
REASONS = (
    "cut off", "no question", "no context", "no choices", "equal choices", "stray lines",  # not well-formed
    "duplicate", "near duplicate", "contaminated",
    "unreadable", "tied", "low confidence", "high confidence", "admitted",
)  # fmt: skip


def draft_candidates(
    continuations: Iterable[pl.DataFrame],
    seed_questions: pl.DataFrame,
    questions: pl.DataFrame,
    generation: QuestionGenerationParams,
) -> pl.DataFrame:
    """drafts: every continuation with its parsed question and the reason why it is dropped, or OPEN."""
    texts = pl.concat(list(continuations)).rename({"question_id": "prompt"}).sort("prompt", "path")
    rows: list[dict[str, Any]] = []
    for (task,), drawn in texts.partition_by("task", as_dict=True).items():
        evaluated = questions.filter(pl.col("task") == task, pl.col("split") != "unlabeled")
        funnel = Funnel(asked_in(seed_questions.filter(task=task)), asked_in(evaluated), generation)
        for row in drawn.iter_rows(named=True):
            reason, asked = funnel.judge(spoken(row["text"]), row["finish"])
            rows.append({**row, "reason": reason, **written(str(task), asked)})
    return pl.DataFrame(rows, schema=schemas.DRAFTS)


def written(task: str, asked: Asked | None) -> dict[str, Any]:
    """The columns of a question in the table."""
    if asked is None:
        return {}
    content = (asked.question, asked.context, list(asked.choices) if asked.choices else None)
    return {
        "question_id": question_id(task, *content),
        **dict(zip(("question", "context", "choices"), content, strict=True)),
    }


class Funnel:
    """The tests of one task, in order; a candidate that passes is compared with all later ones."""

    def __init__(
        self,
        seeds: Sequence[Asked],
        evaluated: Sequence[Asked],
        generation: QuestionGenerationParams,
    ) -> None:
        self.shape = Shape.of(seeds)
        self.known = {words_of(seed) for seed in seeds}
        self.similar = Similar(generation.near_duplicate)
        for seed in seeds:
            self.similar.add(words_of(seed))
        self.evaluated = Evaluated(evaluated, given=seeds)

    def judge(self, text: str, finish: str) -> tuple[str, Asked | None]:
        """The reason, and the question if it is well-formed."""
        asked = read_question(text, finish, self.shape)
        if isinstance(asked, str):
            return asked, None
        words = words_of(asked)
        if words in self.known:
            return "duplicate", asked
        if self.similar.has(words):
            return "near duplicate", asked
        if self.evaluated.has(asked) or self.evaluated.overlaps(asked):
            return "contaminated", asked
        self.known.add(words)
        self.similar.add(words)
        return OPEN, asked


class Similar:
    """Finds texts that share many word n-grams (MinHash, Broder 1997) in time independent of their number."""

    def __init__(self, threshold: float, permutations: int = 128) -> None:
        from datasketch import MinHashLSH

        self.threshold, self.permutations = threshold, permutations
        # Matches are compared again, so the index may return too many, but should not miss any.
        weights = (0.1, 0.9)
        self.index: Any = MinHashLSH(threshold, num_perm=permutations, weights=weights)
        self.sketches: list[Any] = []

    def has(self, words: tuple[str, ...]) -> bool:
        """Whether any added text has an estimated Jaccard index of at least the threshold with this one."""
        mine = self.sketch(words)
        found = self.index.query(mine)
        return any(mine.jaccard(self.sketches[n]) >= self.threshold for n in found)

    def add(self, words: tuple[str, ...]) -> None:
        sketch = self.sketch(words)
        self.index.insert(len(self.sketches), sketch)
        self.sketches.append(sketch)

    def sketch(self, words: tuple[str, ...]) -> Any:
        from datasketch import MinHash

        runs = {words[i : i + SHINGLE] for i in range(max(1, len(words) - SHINGLE + 1))}
        sketch = MinHash(self.permutations, seed=1)
        sketch.update_batch(" ".join(run).encode() for run in sorted(runs))
        return sketch
