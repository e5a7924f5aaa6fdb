"""Infers the kind of answer of an undeclared task."""

import re
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from lmsi_kedro.tasks.labels import read_labels
from lmsi_kedro.tasks.task import Kind

ENOUGH = 0.95  # required share of the answers; a few may be written differently
SAMPLE = 1_000
ASKS_FOR_A_NUMBER = re.compile(
    r"\bhow (?:many|much|old|far|long|tall)\b|\bwhat (?:number|percent)", re.I
)
ASKS_FOR_A_VERDICT = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should)\b", re.I
)
LATEX = re.compile(r"\\[a-zA-Z]+")


class Inferred(NamedTuple):
    kind: Kind
    reason: str


def infer_kind(questions: Sequence[str], answers: Sequence[str], has_choices: bool) -> Inferred:
    """Infers the kind from choices if there are any, else from answers, else from questions, else it is `text`."""
    if has_choices:
        return Inferred("choice", "the questions have choices")
    if answers:
        sample = list(answers[:SAMPLE])
        kinds: tuple[Kind, ...] = ("yes_no", "nli", "number", "date")
        for kind in kinds:
            if share(read is not None for read in read_labels(sample, kind, None)) >= ENOUGH:
                return Inferred(kind, f"{len(answers):,} answers can be parsed as such")
        if share(bool(LATEX.search(answer)) for answer in sample) > 1 - ENOUGH:
            return Inferred("math", f"some of {len(answers):,} answers are LaTeX")
        return Inferred("text", f"{len(answers):,} answers are neither numbers, dates nor verdicts")
    if share(bool(ASKS_FOR_A_NUMBER.search(question)) for question in questions[:SAMPLE]) >= 0.5:
        return Inferred("number", "most questions ask how many or how much")
    return Inferred("text", "there are neither choices nor answers to infer it from")


def are_verdicts_as_numbers(questions: Sequence[str], answers: Sequence[str]) -> bool:
    """Returns whether labels are 0 and 1, but questions begin with "Is", "Does", ..., so paths say yes or no."""
    return {*answers} == {"0", "1"} and (
        share(bool(ASKS_FOR_A_VERDICT.match(question)) for question in questions[:SAMPLE]) >= 0.5
    )


def share(conditions: Iterable[bool]) -> float:
    return fmean(conditions)
