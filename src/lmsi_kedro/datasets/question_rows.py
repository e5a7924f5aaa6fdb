"""One row of a question file: what it may hold, and what is wrong with it. Knows no file format."""

from typing import Any

SPLITS = ("unlabeled", "held_out", "probe")
MOST_CHOICES = 26  # as many as there are letters
FIELDS = ("split", "task", "question", "context", "choices", "answer")

Row = dict[str, Any]


def problem(row: Row) -> str | None:
    """The first mistake of a row, naming the field; None for a good one."""
    question = row.get("question")
    if question is None or question == "":
        return "question is missing or empty"
    if not isinstance(question, str):
        return f"question must be text, not {name_of(question)}"
    if not question.strip():
        return "question is missing or empty"
    for field in ("task", "context", "split"):
        value = row.get(field)
        if value is not None and not isinstance(value, str):
            return f"{field} must be text, not {name_of(value)}"
    if row.get("split") not in (None, *SPLITS):
        return f"split must be one of {', '.join(SPLITS)}"
    return problem_of_choices(row.get("choices")) or problem_of_answer(row.get("answer"))


def problem_of_choices(choices: Any) -> str | None:
    if choices is None or choices == []:
        return None
    if not isinstance(choices, list):
        return f"choices must be a list of texts, not {name_of(choices)}"
    if not all(isinstance(choice, str) for choice in choices):
        return "choices must be a list of texts"
    if not all(choice.strip() for choice in choices):
        return "choices has one without text"
    if not 2 <= len(choices) <= MOST_CHOICES:
        return f"choices must be 2 to {MOST_CHOICES}"
    return None


def problem_of_answer(answer: Any) -> str | None:
    """An answer is text or a number, or a list of them: any of these is accepted."""
    for one in answer if isinstance(answer, list) else [answer]:
        if one is not None and not isinstance(one, str | int | float):
            return f"answer must be text, a number or a list of them, not {name_of(one)}"
        if isinstance(one, str) and not one.strip():
            return "answer is empty"
    return "answer is empty" if answer == [] else None


def name_of(value: Any) -> str:
    """The type of a value in words."""
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "a text")


def cleaned(row: Row, task: str) -> Row:
    """A good row in the columns of raw_questions; `task` names the task where the row does not."""
    answer = row.get("answer")
    answers = answer if isinstance(answer, list) else [] if answer is None else [answer]
    return {
        "split": row.get("split"),
        "task": row.get("task") or task,
        "question": row["question"].strip(),
        "context": (row.get("context") or "").strip() or None,
        "choices": row.get("choices") or None,
        "answer": [as_text(one) for one in answers if one is not None] or None,
    }


def as_text(answer: str | int | float) -> str:
    """7.0 is how tables with gaps store a 7; true and false are answers to yes/no questions."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, float) and answer.is_integer():
        return str(int(answer))
    return answer.strip() if isinstance(answer, str) else str(answer)
