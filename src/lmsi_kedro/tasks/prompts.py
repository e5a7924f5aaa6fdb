"""Renders questions and exemplars as text in the four formats of the paper (table 1).

    few_shot_cot      exemplars with rationale, "Q: ...\\nA:"      -> " rationale The answer is Y."
    few_shot_direct   exemplars without one,    "Q: ...\\nA:"      -> " The answer is Y."
    zero_shot_cot     "Q: ...\\nA: Let's think step by step."      -> " rationale The answer is Y."
    zero_shot_direct  "Q: ...\\nA:"                                -> " The answer is Y."

A task may use its own templates instead (see `templates`), and show its exemplars as turns. A prompt is one text,
tokenized as a whole: see `encoding`. If the question has earlier turns, or exemplars are shown as turns, the
prompt has several turns: see `turns`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lmsi_kedro.params import Format
from lmsi_kedro.tasks.task import Exemplar, Kind, Task
from lmsi_kedro.tasks.templates import PAPER, filled, parted
from lmsi_kedro.tasks.turns import Turn, joined, single, turns_of

PUNCTUATION = ".,;:?!\"'()"
ZERO_SHOT: dict[Format, Format] = {
    "few_shot_cot": "zero_shot_cot",
    "few_shot_direct": "zero_shot_direct",
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
AS_IN_PAPER = Task()


@dataclass(frozen=True)
class Question:
    """The parts of a question in a prompt; context (a passage, a premise) precedes the question."""

    question: str
    context: str | None = None
    choices: Sequence[str] | None = None


def render(
    prompt_format: Format,
    question_parts: Question,
    exemplars: Sequence[Exemplar] = (),
    task: Task = AS_IN_PAPER,
) -> str:
    """Returns the prompt of a question in one of the four formats; an exemplar equal to the question is left out.

    Examples:
        >>> from lmsi_kedro.tasks import Question, Exemplar, render
        >>> shot = Exemplar(question="1 + 1?", rationale="One and one are two.", answer="2")
        >>> print(render("few_shot_cot", Question("2 + 3?"), [shot]))
        Q: 1 + 1?
        A: One and one are two. The answer is 2.
        <BLANKLINE>
        Q: 2 + 3?
        A:
    """
    before, place, form = parted(task.template(prompt_format))
    begin = filled(before, {})
    shown = others(exemplars, question_parts) if place else []
    worked = [
        (
            written_in(form, shot),
            target(shot.answer, shot.rationale if is_cot(prompt_format) else None),
        )
        for shot in shown
    ]
    question, earlier = written_in(form, question_parts), turns_of(question_parts.context)
    if task.exemplars != "turns" or not worked:
        text = begin + "".join(f"{shot}{answer}\n\n" for shot, answer in worked) + question
        return joined([*earlier, Turn("user", text)]) if earlier else single(text)
    turns = [
        turn
        for shot, answer in worked
        for turn in (Turn("user", shot), Turn("assistant", answer.lstrip()))
    ]
    turns[0] = Turn("user", begin + turns[0].text)
    system = [turn for turn in earlier if turn.role == "system"]
    return joined([*system, *turns, *earlier[len(system) :], Turn("user", question)])


def is_cot(prompt_format: Format) -> bool:
    return prompt_format.endswith("cot")


def others(exemplars: Sequence[Exemplar], question: Question) -> list[Exemplar]:
    """Returns the exemplars that do not ask the same question."""
    return [shot for shot in exemplars if words_of(shot) != words_of(question)]


def words_of(question: Question | Exemplar) -> tuple[str, ...]:
    """Returns the lower-case words of a question without punctuation; questions with the same words are the same.

    Words of a system turn do not count, because all questions may have the same one.
    """
    earlier = turns_of(question.context)
    texts = [turn.text for turn in earlier if turn.role != "system"]
    context = " ".join(texts) if earlier else question.context or ""
    return _words(" ".join([context, question.question, *(question.choices or ())]))


@lru_cache(maxsize=1024)  # every prompt is compared with the same exemplars
def _words(text: str) -> tuple[str, ...]:
    bare = (word.strip(PUNCTUATION) for word in text.casefold().split())
    return tuple(word for word in bare if word)


def usable(prompt_format: Format, exemplars: Sequence[Exemplar]) -> Format:
    """Returns the format itself, or the corresponding zero-shot format if there are no exemplars."""
    return prompt_format if exemplars else ZERO_SHOT.get(prompt_format, prompt_format)


def few_shot(prompt_format: Format) -> Format:
    """Returns the few-shot format that corresponds to a zero-shot one."""
    return next(few for few, zero in ZERO_SHOT.items() if zero == prompt_format)


def target(answer: str, rationale: str | None = None) -> str:
    """Returns ' rationale The answer is Y.', without the rationale in the direct formats."""
    return f"{f' {rationale}' if rationale else ''} The answer is {answer}."


def render_question(question: Question | Exemplar) -> str:
    """'Q: context\nquestion\nAnswer Choices: (A) first (B) second\nA:', without the parts that are None."""
    return written_in(PAPER["zero_shot_direct"], question)


def written_in(form: str, parts: Question | Exemplar) -> str:
    """Fills a template with the question, without earlier turns; {question} includes parts without placeholder."""
    context = "" if turns_of(parts.context) else parts.context or ""
    choices = " ".join(
        f"({letter}) {text}" for letter, text in zip(LETTERS, parts.choices or (), strict=False)
    )
    question = parts.question
    if context and "{context}" not in form:
        question = f"{context}\n{question}"
    if choices and "{choices}" not in form:
        question = f"{question}\nAnswer Choices: {choices}"
    return filled(form, {"question": question, "context": context, "choices": choices})


def written(key: str, surface: str, kind: Kind) -> str:
    """Returns an answer in the exemplars' form: the letter of a choice, "(B)", or any other answer as written."""
    return f"({key.removeprefix('choice:')})" if kind == "choice" else surface
