"""Renders questions and exemplars as text in the four formats of the paper (table 1).

    few_shot_cot      exemplars with rationale, "Q: ...\\nA:"      -> " rationale The answer is Y."
    few_shot_direct   exemplars without,        "Q: ...\\nA:"      -> " The answer is Y."
    zero_shot_cot     "Q: ...\\nA: Let's think step by step."      -> " rationale The answer is Y."
    zero_shot_direct  "Q: ...\\nA:"                                -> " The answer is Y."

A prompt is one text, tokenized as a whole: see `encoding`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lmsi_kedro.params import Format
from lmsi_kedro.tasks.task import Exemplar, Kind

PUNCTUATION = ".,;:?!\"'()"
ZERO_SHOT: dict[Format, Format] = {
    "few_shot_cot": "zero_shot_cot",
    "few_shot_direct": "zero_shot_direct",
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Asked:
    """The parts of a question in a prompt; context (a passage, a premise) precedes the question."""

    question: str
    context: str | None = None
    choices: Sequence[str] | None = None


def render(format: Format, asked: Asked, exemplars: Sequence[Exemplar] = ()) -> str:
    """The prompt of a question in one of the four formats; an exemplar equal to the question is left out.

    Examples:
        >>> from lmsi_kedro.tasks import Asked, Exemplar, render
        >>> shot = Exemplar(question="1 + 1?", rationale="One and one are two.", answer="2")
        >>> print(render("few_shot_cot", Asked("2 + 3?"), [shot]))
        Q: 1 + 1?
        A: One and one are two. The answer is 2.
        <BLANKLINE>
        Q: 2 + 3?
        A:
    """
    shown: Sequence[Exemplar] = []
    if format in ("few_shot_cot", "few_shot_direct"):
        shown = others(exemplars, asked)
    worked = (
        ask(shot) + target(shot.answer, shot.rationale if format == "few_shot_cot" else None)
        for shot in shown
    )
    hint = " Let's think step by step." if format == "zero_shot_cot" else ""
    return "".join(f"{shot}\n\n" for shot in worked) + ask(asked) + hint


def others(exemplars: Sequence[Exemplar], asked: Asked) -> list[Exemplar]:
    """The exemplars that do not ask the same question."""
    return [shot for shot in exemplars if words_of(shot) != words_of(asked)]


def words_of(asked: Asked | Exemplar) -> tuple[str, ...]:
    """The lower-case words of a question without punctuation; questions with the same words are the same."""
    return _words(" ".join([asked.context or "", asked.question, *(asked.choices or ())]))


@lru_cache(maxsize=1024)  # for the exemplars, with which every prompt is compared
def _words(text: str) -> tuple[str, ...]:
    bare = (word.strip(PUNCTUATION) for word in text.casefold().split())
    return tuple(word for word in bare if word)


def usable(format: Format, exemplars: Sequence[Exemplar]) -> Format:
    """The format itself, or the corresponding zero-shot format if there are no exemplars."""
    return format if exemplars else ZERO_SHOT.get(format, format)


def few_shot(format: Format) -> Format:
    """The few-shot format that corresponds to a zero-shot one."""
    return next(few for few, zero in ZERO_SHOT.items() if zero == format)


def target(answer: str, rationale: str | None = None) -> str:
    """' rationale The answer is Y.', without the rationale in the direct formats."""
    return f"{f' {rationale}' if rationale else ''} The answer is {answer}."


def ask(asked: Asked | Exemplar) -> str:
    """'Q: context\nquestion\nAnswer Choices: (A) first (B) second\nA:'; only the question is always there."""
    listed = " ".join(
        f"({letter}) {text}" for letter, text in zip(LETTERS, asked.choices or (), strict=False)
    )
    passage = f"{asked.context}\n" if asked.context else ""
    return (
        f"Q: {passage}{asked.question}\n" + (f"Answer Choices: {listed}\n" if listed else "") + "A:"
    )


def written(key: str, surface: str, kind: Kind) -> str:
    """An answer as the exemplars write it: a choice by its letter, "(B)", others in their own words."""
    return f"({key.removeprefix('choice:')})" if kind == "choice" else surface
