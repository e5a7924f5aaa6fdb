"""Which kind of answer the questions of an undeclared task have. Knows no table."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lmsi_kedro import kernels
from lmsi_kedro.tasks.task import Kind

ENOUGH = 0.95  # of the answers; some are always written in another way
SAMPLE = 1_000
ASKS_FOR_A_NUMBER = re.compile(
    r"\bhow (?:many|much|old|far|long|tall)\b|\bwhat (?:number|percent)", re.I
)


class Inferred(NamedTuple):
    kind: Kind
    reason: str


def infer_kind(questions: Sequence[str], answers: Sequence[str], has_choices: bool) -> Inferred:
    """From choices, else from answers, else from what the questions ask; `text` if none of them tells."""
    if has_choices:
        return Inferred("choice", "the questions have choices")
    if answers:
        sample = list(answers[:SAMPLE])
        kinds: tuple[Kind, ...] = ("yes_no", "nli", "number", "date")
        for kind in kinds:
            readable = kernels.canonical_keys(sample, kind).is_not_null().mean()
            if float(readable or 0) >= ENOUGH:  # type: ignore[arg-type]
                return Inferred(kind, f"so read {len(answers):,} answers")
        return Inferred("text", f"{len(answers):,} answers are neither numbers, dates nor verdicts")
    asking = sum(bool(ASKS_FOR_A_NUMBER.search(question)) for question in questions[:SAMPLE])
    if asking >= len(questions[:SAMPLE]) / 2:
        return Inferred("number", "most questions ask how many or how much")
    return Inferred("text", "there are neither choices nor answers to tell it")
