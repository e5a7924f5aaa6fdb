"""A task: a family of questions with one kind of answer and one set of exemplars."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, RootModel

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


class Tasks(RootModel[dict[str, Task]]):
    """All tasks by name; `params:tasks`."""

    def __getitem__(self, name: str) -> Task:
        if name not in self.root:
            raise KeyError(
                f"task {name!r} is not in conf/base/tasks.yml, which has {list(self.root)}"
            )
        return self.root[name]

    @property
    def in_domain(self) -> list[str]:
        return [name for name, task in self.root.items() if task.in_domain]


class Exemplar(BaseModel):
    """A worked question, written for the prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    choices: Sequence[str] = ()
    rationale: str
    answer: str
