"""Renders prompts that a model continues with a new question, and parses that question (paper, section 3.3).

    Q: one seed\\n\\nQ: another\\n\\nQ:   ->   " passage\\nquestion\\nAnswer Choices: (A) one (B) two\\nA: ..."

A question is written as in every other prompt, so parsing it is the inverse of `render_question`. A question must
have the parts that the seeds have.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lmsi_kedro.tasks.prompts import LETTERS, PUNCTUATION, Question, render_question

END = re.compile(r"\nA:|\n\s*\n")  # an answer, or a blank line as between the seeds
LISTED = "\nAnswer Choices: "


@dataclass(frozen=True)
class Shape:
    """What all seeds of a task have in common: a context, choices (None: only some have them), last characters."""

    context: bool | None
    choices: bool | None
    ends: frozenset[str]

    @classmethod
    def of(cls, seeds: Sequence[Question]) -> "Shape":
        ends = frozenset(seed.question.rstrip()[-1:] for seed in seeds)
        return cls(
            context=common([bool(seed.context) for seed in seeds]),
            choices=common([bool(seed.choices) for seed in seeds]),
            ends=ends if ends <= set(PUNCTUATION) else frozenset(),
        )


def common(values: Sequence[bool]) -> bool | None:
    return values[0] if len(set(values)) == 1 else None


def render_seeds(seeds: Sequence[Question]) -> str:
    """Renders the questions one after the other, followed by the beginning of a new one."""
    listed = "".join(f"{render_question(seed).removesuffix('A:')}\n" for seed in seeds)
    return f"{listed}Q:"


def read_question(text: str, finish: str, shape: Shape) -> Question | str:
    """Returns the question with which a continuation begins, or the reason why there is none.

    `cut off`: it ended at the length limit. `no question`: it is empty, or does not end with a character that ends
    a seed. `no context`, `no choices`: the seeds have them; there must be at least two choices, lettered from A.
    `equal choices`: two of them are the same. `stray lines`: it has a context or choices, but no seed has.
    """
    ending = END.search(text)
    if ending is None and finish != "stop":
        return "cut off"
    body, _, listed = text[: ending.start() if ending else None].strip().partition(LISTED)
    passage, _, question = body.rpartition("\n")
    found = Question(question.strip(), passage.strip() or None, read_choices(listed))
    if not found.question or (shape.ends and found.question[-1] not in shape.ends):
        return "no question"
    if shape.context and not found.context:
        return "no context"
    if (shape.choices or listed) and not found.choices:
        return "no choices"
    if found.choices and len(set(found.choices)) < len(found.choices):
        return "equal choices"
    if (shape.context is False and found.context) or (shape.choices is False and found.choices):
        return "stray lines"
    return found


def read_choices(listed: str) -> list[str] | None:
    """Returns ["one", "two"] for "(A) one (B) two"; None unless the letters are in order."""
    found = re.split(r"\(([A-Z])\)", listed)
    letters, texts = "".join(found[1::2]), [text.strip() for text in found[2::2]]
    lettered = not found[0].strip() and LETTERS.startswith(letters) and len(texts) > 1
    return texts if lettered and all(texts) else None
