"""Selects the candidates to vote on: they must be well-formed, new, and not in an evaluation set.

The funnel adds a reason to every candidate: the first test that it fails.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import QuestionGenerationParams
from lmsi_kedro.tasks import Question, words_of
from lmsi_kedro.tasks.continuation import Shape, read_question
from lmsi_kedro.tasks.overlap import Evaluated
from lmsi_kedro.tasks.questions import question_id, questions_in
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
    """Returns every continuation with its parsed question and the reason for dropping it, or OPEN."""
    texts = pl.concat(list(continuations)).rename({"question_id": "prompt"}).sort("prompt", "path")
    rows: list[dict[str, Any]] = []
    for (task,), continued in texts.partition_by("task", as_dict=True).items():
        evaluated = questions.filter(pl.col("task") == task, pl.col("split") != "unlabeled")
        funnel = Funnel(
            questions_in(seed_questions.filter(task=task)), questions_in(evaluated), generation
        )
        for row in continued.iter_rows(named=True):
            reason, question = funnel.judge(spoken(row["text"]), row["finish"])
            rows.append({**row, "reason": reason, **written(str(task), question)})
    return pl.DataFrame(rows, schema=schemas.DRAFTS)


def written(task: str, question: Question | None) -> dict[str, Any]:
    """Returns the columns of a question in the table."""
    if question is None:
        return {}
    content = (
        question.question,
        question.context,
        list(question.choices) if question.choices else None,
    )
    return {
        "question_id": question_id(task, *content),
        **dict(zip(("question", "context", "choices"), content, strict=True)),
    }


class Funnel:
    """The tests of one task, in order; every candidate is also compared with all that passed before it."""

    def __init__(
        self,
        seeds: Sequence[Question],
        evaluated: Sequence[Question],
        generation: QuestionGenerationParams,
    ) -> None:
        self.shape = Shape.of(seeds)
        self.known = {words_of(seed) for seed in seeds}
        self.similar = Similar(generation.near_duplicate)
        for seed in seeds:
            self.similar.add(words_of(seed))
        self.evaluated = Evaluated(evaluated, templated=seeds)

    def judge(self, text: str, finish: str) -> tuple[str, Question | None]:
        """Returns the reason, and the question if it is well-formed."""
        question = read_question(text, finish, self.shape)
        if isinstance(question, str):
            return question, None
        words = words_of(question)
        if words in self.known:
            return "duplicate", question
        if self.similar.has(words):
            return "near duplicate", question
        if self.evaluated.has(question) or self.evaluated.overlaps(question):
            return "contaminated", question
        self.known.add(words)
        self.similar.add(words)
        return OPEN, question


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
        """Returns whether the estimated Jaccard index of this text and an added one reaches the threshold."""
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
