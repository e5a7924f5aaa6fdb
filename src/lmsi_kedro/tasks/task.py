"""A task: a family of questions with one kind of answer and one set of exemplars."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["number", "choice", "yes_no", "nli", "span", "date", "text", "math"]


class Task(BaseModel):
    """One entry of conf/base/tasks.yml.

    in_domain tasks have unlabeled questions; the others are only evaluated. exemplar_set names the file of
    exemplars, which an out-of-domain task may borrow (paper: SVAMP uses those of GSM8K).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    exemplar_set: str
    in_domain: bool


class Exemplar(BaseModel):
    """A worked question, written for the prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    choices: Sequence[str] = ()
    rationale: str
    answer: str
