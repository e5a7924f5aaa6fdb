"""Writes pre-training documents of the mini world, by many authors, in the prompt formats of the loop.

Within a document every worked question may have a different author, so that exemplars determine the format of an
answer but not its style, which is left to the model.
"""

from collections.abc import Iterator
from random import Random

from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.multiple_choice import LETTERS
from lmsi_kedro.mini_world.passages import BUILDINGS
from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, Problem, generate_problem
from lmsi_kedro.tasks import Question, render, target
from lmsi_kedro.tasks.prompts import render_question

# Shares of documents. 15 % of them have direct answers; with 15 to 25 %, the model is right on some questions in
# the mode `standard`.
FORMS = {
    "few_shot_cot": 0.49,
    "few_shot_direct": 0.09,
    "zero_shot_cot": 0.25,
    "zero_shot_direct": 0.06,
    "questions": 0.07,
    "lists": 0.04,
}
TASKS = {
    "mini_gsm": 0.27,
    "mini_arc": 0.20,
    "mini_drop": 0.26,
    "mini_nli": 0.14,
    "mini_svamp": 0.06,
    "mini_strategy": 0.07,
}
# The items of the short lists: everything that an answer may have to copy from the question, except numbers and
# months.
LISTED = (NAMES, NAMES, BUILDINGS, tuple(f"({letter})" for letter in LETTERS))


def lists(seed: int) -> Iterator[str]:
    """Yields short lists without end, for the beginning of pre-training."""
    rng = Random(seed)
    while True:
        yield write_list(rng)


def write_list(rng: Random) -> str:
    """Writes a repeated list: "First Ana 12, Ben 3, Cleo 8, Ana 12, Ben 3, Cleo 8."

    From such lists a model learns within minutes to copy a name from its context. From documents alone, where a
    name is one of hundreds of context tokens, it had not learned this after 14.7 M tokens.
    """
    listed = rng.choice(LISTED)
    items = rng.sample(listed, rng.randint(3, min(6, len(listed))))
    if rng.random() < 0.6:
        items = [f"{item} {rng.randint(1, 30)}" for item in items]
    return f"{rng.choice(OPENINGS)} {', '.join(items + items)}."


def documents(seed: int) -> Iterator[str]:
    """Yields documents of the split `documents` without end; the same seed gives the same documents."""
    rng = Random(seed)
    while True:
        form = rng.choices(list(FORMS), list(FORMS.values()))[0]
        task = rng.choices(list(TASKS), list(TASKS.values()))[0]
        yield write_document(form, task, rng)


def write_document(form: str, task: str, rng: Random) -> str:
    """Writes one document: one worked question, several of them, only questions, or lists."""
    count = 1 if form.startswith("zero_shot") else rng.randint(2, 6)
    if form == "lists":
        return "\n\n".join(write_list(rng) for _ in range(count))
    problems = [generate_problem(FAMILIES[task], "documents", rng) for _ in range(count)]
    if form == "questions":
        return "\n\n".join(render_question(question_of(p)).removesuffix("\nA:") for p in problems)
    return "\n\n".join(worked(problem, form, rng) for problem in problems)


def worked(problem: Problem, form: str, rng: Random) -> str:
    """Writes a question and its answer, as in the prompts; a zero-shot prompt may not ask for a rationale."""
    rationale = None if form.endswith("direct") else problem.rationale(rng)
    hinted = form == "zero_shot_cot" and rng.random() < 0.6
    prompt = render("zero_shot_cot" if hinted else "zero_shot_direct", question_of(problem))
    return prompt + target(problem.answer, rationale)


def question_of(problem: Problem) -> Question:
    return Question(problem.question, problem.context, problem.choices)
