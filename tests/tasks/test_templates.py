"""Templates of a task replace those of the four formats, and mistakes in them are named."""

import pytest
from pydantic import ValidationError

from lmsi_kedro.params.mistakes import typed
from lmsi_kedro.tasks import Exemplar, Question, Task, Tasks, render
from lmsi_kedro.tasks.turns import turns_of

SHOTS = [Exemplar(question="1 + 1?", rationale="One and one are two.", answer="2")]
OWN = Task(
    templates={
        "few_shot_cot": "Solve it.\n\n{exemplars}Q: Problem: {question}\nAnswer:\n",
        "zero_shot_cot": "{context} | {choices} | {question} in \\boxed{}, {{so}}",
    }
)


def test_templates_replace_those_of_the_paper() -> None:
    assert render("few_shot_cot", Question("2 + 3?"), SHOTS, OWN) == (
        "Solve it.\n\nQ: Problem: 1 + 1?\nAnswer: One and one are two. The answer is 2.\n\n"
        "Q: Problem: 2 + 3?\nAnswer:"
    )
    asked = Question("Which?", "It is blue.", ["red", "blue"])
    own = "It is blue. | (A) red (B) blue | Which? in \\boxed{}, {so}"
    assert render("zero_shot_cot", asked, SHOTS, OWN) == own
    for prompt_format in ("few_shot_direct", "zero_shot_direct"):
        assert render(prompt_format, asked, SHOTS, OWN) == render(prompt_format, asked, SHOTS)


def test_instruction_precedes_exemplars_as_turns() -> None:
    task = OWN.model_copy(update={"exemplars": "turns"})
    first, answer, last = turns_of(render("few_shot_cot", Question("2 + 3?"), SHOTS, task))
    assert first.text == "Solve it.\n\nQ: Problem: 1 + 1?\nAnswer:"
    assert answer.text == "One and one are two. The answer is 2."
    assert last.text == "Q: Problem: 2 + 3?\nAnswer:"
    assert (
        render("few_shot_cot", Question("3?"), [], task) == "Solve it.\n\nQ: Problem: 3?\nAnswer:"
    )


def test_exemplars_in_doubled_braces_are_text() -> None:
    task = Task(templates={"few_shot_cot": "{{exemplars}}: {exemplars}Q: {question} {{exemplars}}"})
    assert render("few_shot_cot", Question("2 + 3?"), SHOTS, task) == (
        "{exemplars}: Q: 1 + 1? {exemplars} One and one are two. The answer is 2.\n\n"
        "Q: 2 + 3? {exemplars}"
    )


def test_placeholders_in_a_question_are_text() -> None:
    assert render("zero_shot_cot", Question("{context}{x}?"), SHOTS, OWN).endswith(
        "{context}{x}? in \\boxed{}, {so}"
    )


@pytest.mark.parametrize(
    ("prompt_format", "template", "said"),
    [
        ("few_shot", "", ": there is no few_shot; did you mean few_shot_cot?"),
        ("zero_shot_cot", "{qestion}?", ".zero_shot_cot: there is no {qestion}; did you mean {question}?"),
        ("zero_shot_cot", "Think.", ".zero_shot_cot must have {question} once"),
        ("zero_shot_cot", "{question}{question}", ".zero_shot_cot must have {question} once"),
        ("zero_shot_direct", "{exemplars}{question}", ".zero_shot_direct must not have {exemplars}"),
        ("few_shot_cot", "{question}", ".few_shot_cot must have {exemplars}"),
        ("few_shot_cot", "{question}{exemplars}", ".few_shot_cot: {exemplars} must precede the other"),
        ("few_shot_cot", ["{question}"], ".few_shot_cot must be a valid string"),
    ],
)  # fmt: skip
def test_mistakes_in_templates_are_named(prompt_format: str, template: object, said: str) -> None:
    with pytest.raises(ValueError, match="parameters: ") as caught:
        typed("tasks", Tasks, {"my": {"templates": {prompt_format: template}}})
    assert str(caught.value).startswith(f"parameters: tasks.my.templates{said}")
    assert "\n" not in str(caught.value)


def test_stored_tasks_keep_their_format() -> None:
    """A stored task without templates has the same bytes as before templates existed."""
    assert Task(kind="number").model_dump_json() == (
        '{"kind":"number","exemplar_set":null,"in_domain":true,"decimal":"point"}'
    )
    assert Task.model_validate_json(OWN.model_dump_json()) == OWN
    with pytest.raises(ValidationError):
        Task.model_validate({"exemplars": "turn"})
