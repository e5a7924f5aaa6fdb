"""The answer kind of an undeclared task is inferred from its questions, answers and choices."""

import pytest

from lmsi_kedro.tasks.inference import are_verdicts_as_numbers, infer_kind


@pytest.mark.parametrize(
    ("questions", "answers", "choices", "kind"),
    [
        (["Which?"], ["(A)", "(B)"], True, "choice"),
        (["What?"], ["12", "$1,000", "3/4"], False, "number"),
        (["Is it?"], ["yes", "No"], False, "yes_no"),
        (["Does it follow?"], ["entailment", "neutral", "contradiction"], False, "nli"),
        (["When?"], ["October 2, 2022", "2021-01-05"], False, "date"),
        (["Who?"], ["Ada Lovelace", "12", "the dog"], False, "text"),
        (["How many eggs?", "How much is it?", "Why?"], [], False, "number"),
        (["Why is the sky blue?"], [], False, "text"),
        (["3 + 4?"], ["3 + 4 = <<3+4=7>>7.\n#### 7", "So $\\boxed{7}$."], False, "number"),
        (["Solve."], ["\\frac{1}{2}", "x + 1", "2\\sqrt{3}", "7"], False, "math"),
        (["What?"], ["3 apples and 5 pears", "2 apples"], False, "text"),
    ],
)
def test_kind_is_inferred(
    questions: list[str], answers: list[str], choices: bool, kind: str
) -> None:
    inferred = infer_kind(questions, answers, choices)
    assert inferred.kind == kind
    assert inferred.reason


def test_a_few_odd_answers_do_not_matter() -> None:
    assert infer_kind(["?"], ["7"] * 97 + ["unknown"] * 3, False).kind == "number"
    assert infer_kind(["?"], ["7"] * 80 + ["unknown"] * 20, False).kind == "text"


def test_0_and_1_answer_yes_no_questions() -> None:
    asked = ["Is it red?", "Does it rain?", "How many?"]
    assert are_verdicts_as_numbers(asked, ["0", "1", "1"])
    assert not are_verdicts_as_numbers(asked, ["0", "2", "1"])
    assert not are_verdicts_as_numbers(["How many?", "Why?", "Is it?"], ["0", "1", "1"])
    assert not are_verdicts_as_numbers(asked, [])
