"""A rendered question is parsed back unchanged; other text is rejected with a reason."""

import pytest

from lmsi_kedro.tasks import Question
from lmsi_kedro.tasks.continuation import Shape, read_question, render_seeds
from lmsi_kedro.tasks.prompts import render_question

PLAIN = [Question("How many caps?"), Question("How many pens?")]
CHOICE = [
    Question("Which floats?", choices=["a cork", "a stone"]),
    Question("Which sinks?", choices=["x", "y", "z"]),
]
READING = [Question("Who sang?", "Ann sang. Ben did not."), Question("When?", "In May they left.")]
VERDICT = [Question('Does "it rains" follow? Answer yes or no.', "Premise: It pours.")]


def test_prompt_has_the_seeds_and_an_opening() -> None:
    assert render_seeds([PLAIN[0], CHOICE[0]]) == (
        "Q: How many caps?\n\nQ: Which floats?\nAnswer Choices: (A) a cork (B) a stone\n\nQ:"
    )


@pytest.mark.parametrize(
    "seeds", [PLAIN, CHOICE, READING, VERDICT], ids=["plain", "choice", "reading", "verdict"]
)
def test_parsing_inverts_rendering(seeds: list[Question]) -> None:
    shape = Shape.of(seeds)
    for seed in seeds:
        text = render_question(seed).removeprefix("Q:").removesuffix("\nA:")
        for ending in ("", "\n\n", "\nA: The answer is 5.\n\nQ", " \n \nthe end"):
            assert read_question(text + ending, "stop", shape) == seed
        assert read_question(f"{text}\nA: because", "length", shape) == seed


@pytest.mark.parametrize(
    ("seeds", "text", "finish", "reason"),
    [
        (PLAIN, " How many ca", "length", "cut off"),
        (PLAIN, "", "stop", "no question"),
        (PLAIN, "\nA: 5", "stop", "no question"),
        (PLAIN, " There are 5 caps.", "stop", "no question"),
        (READING, " Who sang?", "stop", "no context"),
        (CHOICE, " Which floats?", "stop", "no choices"),
        (CHOICE, " Which?\nAnswer Choices: (A) a cork", "stop", "no choices"),
        (CHOICE, " Which?\nAnswer Choices: (B) a cork (A) a stone", "stop", "no choices"),
        (CHOICE, " Which?\nAnswer Choices: (A) a cork (B) a cork", "stop", "equal choices"),
        (CHOICE, " Which?\nAnswer Choices: (A) a cork (B) ", "stop", "no choices"),
        (CHOICE, " Which?\nAnswer Choices: cork (A) a (B) b", "stop", "no choices"),
        (PLAIN, " Ann sang.\nWho sang?", "stop", "stray lines"),
        (PLAIN, " Which?\nAnswer Choices: (A) a (B) b", "stop", "stray lines"),
        (PLAIN, " Which?\nAnswer Choices: a or b", "stop", "no choices"),
    ],
)  # fmt: skip
def test_rejected_text_has_a_reason(
    seeds: list[Question], text: str, finish: str, reason: str
) -> None:
    assert read_question(text, finish, Shape.of(seeds)) == reason


def test_only_traits_common_to_seeds_are_required() -> None:
    mixed = Shape.of([PLAIN[0], CHOICE[0], READING[0], Question("Add two and 3")])
    for text in (" What now", " Ann sang.\nWho?", " Which?\nAnswer Choices: (A) a (B) b"):
        assert isinstance(read_question(text, "stop", mixed), Question)
