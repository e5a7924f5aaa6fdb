"""The kind of an undeclared task's answers is told from what is there, and never invented."""

import pytest

from lmsi_kedro.tasks.inference import infer_kind


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
    ],
)
def test_kinds(questions: list[str], answers: list[str], choices: bool, kind: str) -> None:
    inferred = infer_kind(questions, answers, choices)
    assert inferred.kind == kind
    assert inferred.reason


def test_a_few_odd_answers_do_not_matter() -> None:
    assert infer_kind(["?"], ["7"] * 97 + ["unknown"] * 3, False).kind == "number"
    assert infer_kind(["?"], ["7"] * 80 + ["unknown"] * 20, False).kind == "text"
