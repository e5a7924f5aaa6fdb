"""The origin of a training example: example -> path -> votes of its question -> prompt -> model -> round.

In a notebook, after `%load_ext kedro.ipython`: `from lmsi_kedro.commands.explain.lineage import explain`, then
`explain("0f3099fd272034b0", catalog)` with the id of an example or a question; print the result, or use its
fields. Everything is looked up in the stored data of a run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from lmsi_kedro.commands.explain.evaluated import (
    Evaluated,
    accepted_answers,
    look_up_evaluation,
)
from lmsi_kedro.tasks.questions import exemplar_sets, prompts_of
from lmsi_kedro.tasks.turns import readable

# The arm `shuffled` is left out, because it trains on the paths of another question.
ARMS = ("random", "gold", "direct_only", "few_shot_cot_only")
Row = dict[str, Any]


@dataclass(frozen=True)
class Sampled:
    """A question in one round: its paths with their answers, their vote, and the model and prompts."""

    round: int
    paths: list[Row]
    vote: Row
    prompts: dict[str, str]  # by exemplar set
    model: str
    digest: str

    def lines(self, taught: int | None) -> Iterator[str]:
        vote = self.vote
        yield (
            f"votes of round {self.round}: {vote['key'] or 'no winner'} with {vote['votes']} of {vote['paths']}"
            f" paths (confidence {vote['confidence']:.2f}), {'kept' if vote['kept'] else 'not kept'}:"
            f" {vote['reason']}"
        )
        for path in self.paths:
            mark = "->" if path["path"] == taught else "  "
            yield (
                f"{mark} path {path['path']}: {path['key'] or 'unparsable'}, {path['reason']},"
                f" {path['tokens']} tokens, log-probability {path['logprob']:.2f}:{indented(path['text'])}"
            )
        for name, prompt in self.prompts.items():
            yield f"prompt, exemplars {name}:{indented(readable(prompt))}"
        yield f"sampled by the model of round {self.round - 1}: {self.model}, digest {self.digest}"


@dataclass(frozen=True)
class Lineage:
    """A question, the requested example (or None), the rounds that sampled the question, and its evaluation."""

    question: Row
    example: Row | None
    sampled: list[Sampled]
    accepted: list[str] = field(default_factory=list)
    evaluated: list[Evaluated] = field(default_factory=list)

    def __str__(self) -> str:
        lines, taught = [], None
        if (example := self.example) is not None:
            taught = example["path"]
            lines.append(
                f"example {example['example_id']}: {self.origin}, format {example['format']}, weight"
                f" {example['weight']:g}, path {taught}"
            )
            lines += [
                f"{name}:{indented(readable(example[name]))}" for name in ("prompt", "target")
            ]
        question = self.question
        lines.append(f"question {question['question_id']}: {question['task']}, {question['split']}")
        lines.append(indented(question["question"]).lstrip("\n"))
        if self.accepted:
            lines.append(f"accepted: {', '.join(self.accepted)}")
        for evaluated in self.evaluated:
            lines += evaluated.lines()
        for sampled in self.sampled:
            lines += sampled.lines(taught)
        if not self.sampled:
            lines.append("no path of this question was sampled for training")
        return "\n".join(lines)

    @property
    def origin(self) -> str:
        """The origin of the example: an arm of a round, or the warm start."""
        assert self.example is not None
        if source := self.question.get("source"):
            return f"labeled example of the warm start, from {source}"
        return f"arm {self.example['arm']} of round {self.example['round']}"


def explain(identifier: str, catalog: Any) -> Lineage:
    """Returns the lineage of an example or a question of a finished run; raises ValueError for an unknown id."""
    if not catalog.exists("questions"):
        raise ValueError(
            "no run has stored questions here: start one with `kedro run`, or give --params=data_root=..."
        )
    rounds = list(stored_rounds(catalog))
    example = find_example(identifier, catalog, rounds)
    if example and example["arm"] == "warm_start":
        return Lineage(worked_row(example, catalog), example, [])
    questions = catalog.load("questions")
    question_id = example["question_id"] if example else identifier
    question = questions.filter(question_id=question_id)
    if question.is_empty():
        raise ValueError(
            f"{identifier!r} is not an example of rounds {rounds} or arms {', '.join(ARMS)}, nor a"
            " question; ids are in the column example_id of 05_examples/*.parquet and question_id of"
            " 02_intermediate/questions.parquet"
        )
    wanted = [example["round"]] if example else rounds
    found = (look_up(question, round_number, catalog) for round_number in wanted)
    return Lineage(
        question.row(0, named=True),
        example,
        [one for one in found if one],
        accepted_answers(question_id, catalog),
        look_up_evaluation(question_id, catalog),
    )


def worked_row(example: Row, catalog: Any) -> Row:
    """Returns the worked example from which an example of the warm start was rendered."""
    worked = catalog.load("worked_examples")
    (row,) = worked.filter(question_id=example["question_id"], path=example["path"]).to_dicts()
    return dict(row)


def stored_rounds(catalog: Any) -> Iterator[int]:
    """Yields the numbers of the rounds for which the run has votes."""
    round_number = 1
    while catalog.exists(f"round_{round_number}.votes"):
        yield round_number
        round_number += 1


def find_example(identifier: str, catalog: Any, rounds: list[int]) -> Row | None:
    """Finds the row of an example: in the newest round that contains it, or in a control arm or the warm start."""
    made = [*reversed(rounds), *ARMS, "warm"]
    for name in (f"examples_{each}" for each in made):
        if catalog.exists(name):
            row = catalog.load(name).filter(example_id=identifier)
            if not row.is_empty():
                return dict(row.row(0, named=True))
    return None


def look_up(question: pl.DataFrame, round_number: int, catalog: Any) -> Sampled | None:
    """Returns the paths that a round sampled for a question, with their votes, or None if it sampled none."""
    question_id = question["question_id"][0]
    vote = catalog.load(f"round_{round_number}.votes").filter(question_id=question_id)
    if vote.is_empty():
        return None
    answers = catalog.load(f"round_{round_number}.answers").filter(question_id=question_id)
    chunks = (
        chunk.filter(question_id=question_id)
        for chunk in catalog.load(f"round_{round_number}.paths")
    )
    paths = (
        pl.concat(chunks)
        .join(answers, on=["question_id", "path"], maintain_order="left")
        .sort("path")
    )
    task = catalog.load("tasks")[question["task"][0]]
    sets = exemplar_sets(catalog.load("exemplars"), task)
    used = [name for name in sets if name in set(paths["exemplar_set"])]
    model = catalog.load(first_model(catalog) if round_number == 1 else f"model_{round_number - 1}")
    return Sampled(
        round_number,
        paths.to_dicts(),
        vote.row(0, named=True),
        {n: prompts_of(question, "few_shot_cot", sets[n], task)[question_id] for n in used},
        str(model.path),
        model.digest,
    )


def first_model(catalog: Any) -> str:
    """Returns the dataset of the model that round 1 sampled from: warm_model if there was a warm start."""
    warm = catalog.exists("metrics") and "warm_start" in catalog.load("metrics")
    return "warm_model" if warm else "base_model"


def indented(text: str) -> str:
    """Returns the text, indented."""
    return "".join(f"\n      {line}" for line in text.strip().splitlines())
