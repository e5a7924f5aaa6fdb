"""A task: a family of questions with one kind of answer and one set of exemplars."""

import operator
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    WrapValidator,
    model_validator,
)

from lmsi_kedro.params import Format
from lmsi_kedro.tasks import templates
from lmsi_kedro.tasks.answers import is_reader, reader

Kind = Literal["number", "choice", "yes_no", "nli", "span", "date", "text", "math"]
Decimal = Literal["point", "comma"]


def check_kind(kind: Any, built_in: Any) -> Any:
    """Validates that a kind is built in, or is the name of a function that can be imported."""
    if isinstance(kind, str) and is_reader(kind):
        reader(kind)
        return kind
    return built_in(kind)


Template = Annotated[str, StringConstraints(strip_whitespace=True)]


class Task(BaseModel):
    """One entry of `params:tasks` (conf/base/tasks.yml), or of a file in tasks/benchmarks.

    choose_tasks infers what an entry leaves out: the kind, and whether there are unlabeled questions. A kind with
    a dot in it is a custom kind: see `answers`. in_domain tasks have unlabeled questions, on which the loop
    trains; the others are only evaluated. exemplar_set names the file of exemplars, which may belong to another
    task (paper: SVAMP uses those of GSM8K), or a folder of several files, over which a question's paths are
    spread; without one, prompts are zero-shot. decimal is the decimal mark in answers and labels: with a point,
    3,5 is unparsable, since it may be 35. exemplars: whether prompts show them as text or as turns; None: as in
    prompts.exemplars. templates: the task's own prompt templates by format, see `templates`; formats without one
    use the paper's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[Kind, WrapValidator(check_kind)] = "text"
    exemplar_set: str | None = None
    in_domain: bool = True
    decimal: Decimal = "point"
    # These are not stored if unset, so that the stored task equals that of an older version, which lacks these
    # fields.
    exemplars: Literal["text", "turns"] | None = Field(default=None, exclude_if=operator.not_)
    templates: dict[str, Template] = Field(default={}, exclude_if=operator.not_)

    def template(self, prompt_format: Format) -> str:
        """Returns the prompt template for a format."""
        return self.templates.get(prompt_format, templates.PAPER[prompt_format])

    @property
    def unstoppable(self) -> Format | None:
        """A few-shot format whose template does not begin a question with Q:, as `thoughts.STOP` requires."""
        few: tuple[Format, ...] = ("few_shot_cot", "few_shot_direct")
        questions = {f: templates.parted(self.template(f))[2] for f in few}
        return next((f for f, form in questions.items() if not form.startswith("Q:")), None)


class Tasks(RootModel[dict[str, Task]]):
    """Tasks by name. The dataset `tasks` contains the tasks of the run, in the order of the questions."""

    def __getitem__(self, name: str) -> Task:
        if name not in self.root:
            raise KeyError(f"task {name!r} is unknown; known are {list(self.root)}")
        return self.root[name]

    @model_validator(mode="after")
    def can_be_filled(self) -> Self:
        for name, task in self.root.items():
            templates.checked(f"tasks.{name}.templates", task.templates)
        return self

    @property
    def in_domain(self) -> list[str]:
        return [name for name, task in self.root.items() if task.in_domain]


Written = Annotated[str, Field(min_length=1)]


class Exemplar(BaseModel):
    """A worked question for the prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Written
    context: str | None = None
    choices: Sequence[str] | None = None
    rationale: str
    answer: Written
