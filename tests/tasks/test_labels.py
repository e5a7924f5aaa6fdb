"""A label is the answer alone or a solution that announces it; anything else is unparsable."""

import pytest

from lmsi_kedro.tasks import Kind
from lmsi_kedro.tasks.labels import letters_of_places, read_labels

COLORS = ["red", "blue", "a long way from green"]
FOUR = ["w", "x", "y", "z"]


@pytest.mark.parametrize(
    ("kind", "label", "answer"),
    [
        ("number", "18", "18"),
        ("number", "$70,000 per year", "$70,000 per year"),
        ("number", "She sells 16 - 3 = <<16-3=13>>13 eggs.\nShe makes 9 * 2 = 18.\n#### 18", "18"),
        ("number", "Three and four are $7$, so we get $\\boxed{7}$.", "7"),
        ("number", "The answer is 1,200.", "1,200"),
        ("number", "minus eighty", "minus eighty"),
        ("number", "12 (a dozen)", "12 (a dozen)"),
        ("number", "3 apples and 5 pears", None),
        ("number", "She has 3 and eats 2, so 1 remains.", None),
        ("number", "She eats 2.\n1 remains.", None),
        ("number", "#### ", None),
        ("number", "[2,5]", None),
        ("number", "nan", None),
        ("number", "inf", None),
        ("number", "unknown", None),
        ("number", "The answer is minus eighty", None),  # its surface is "eighty"
        ("yes_no", "True", "True"),
        ("yes_no", "No. It has one.", "No. It has one."),
        ("yes_no", "It has one.", None),
        ("nli", "neutral", "neutral"),
        ("nli", "1", None),
        ("date", "2022-10-02", "2022-10-02"),
        ("date", "2022-02-30", None),
        ("math", "Add: $\\frac{1}{2}$. So we get $\\boxed{\\frac{3}{4}}$.", "\\frac{3}{4}"),
        ("math", "[0, 1)", "[0, 1)"),
        ("math", "We add. So it is three quarters.", None),
        ("text", "] ) }", "] ) }"),
        ("text", "a word " * 40, None),
        ("text", "It is.\nHere is why.", None),
        ("span", "Denver Broncos", "Denver Broncos"),
    ],
)
def test_labels_are_parsed(kind: Kind, label: str, answer: str | None) -> None:
    assert read_labels([label, label], kind, None) == [answer, answer]


@pytest.mark.parametrize(
    ("label", "answer"),
    [("B", "B"), ("(C)", "(C)"), ("blue", "blue"), ("B) blue", "B) blue"),
     ("A long way from green.", "A long way from green."), ("It is the sky's. Answer: B", "B"),
     ("D", None), ("green", None), ("3", None), ("The sky is blue, as everybody knows.", None)],
)  # fmt: skip
def test_labels_of_choices_are_parsed(label: str, answer: str | None) -> None:
    assert read_labels([label], "choice", [COLORS]) == [answer]


@pytest.mark.parametrize(
    ("labels", "choices", "letters", "meaning"),
    [
        ("032", FOUR, "ADC", "positions counted from 0"),
        ("142", FOUR, "ADB", "positions counted from 1"),
        ("213", ["1", "2", "3"], "BAC", "option texts"),  # the same as counted from 1
        ("9", ["3", "9"], "B", "option texts"),
    ],
)
def test_numbers_of_choices_become_letters(
    labels: str, choices: list[str], letters: str, meaning: str
) -> None:
    read = letters_of_places(list(labels), [choices] * len(labels))
    assert read == ([f"({letter})" for letter in letters], meaning)


@pytest.mark.parametrize(
    ("labels", "choices", "named"),
    [
        ("132", FOUR, "positions counted from 0 or positions counted from 1"),
        ("01", ["1", "0"], "option texts or positions counted from 0"),
    ],
)
def test_ambiguous_choice_numbers_are_refused(labels: str, choices: list[str], named: str) -> None:
    with pytest.raises(ValueError, match=rf"may be {named}: write the letters A, B, \.\.\. or"):
        letters_of_places(list(labels), [choices] * len(labels))


@pytest.mark.parametrize("labels", [["0", "4"], ["A", "1"], ["-1", "0"], []])
def test_other_labels_stay_unchanged(labels: list[str]) -> None:
    assert letters_of_places(labels, [FOUR] * len(labels)) == (labels, None)
