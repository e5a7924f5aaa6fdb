"""mini_arc: questions that ask which of four quantities has a given value (after ARC).

"Which load weighs 24 kilos? (A) 3 bags of 7 kilos (B) 4 bags of 6 kilos (C) ... (D) ..."
The hurried author guesses; the careful one works out the choices, in any order, until one fits.
"""

from dataclasses import dataclass
from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import OPENINGS, Family, Problem

LETTERS = "ABCD"
HURRY = 0.55  # the share of hurried authors


@dataclass(frozen=True)
class Subject:
    """The question and the form of its options."""

    question: str
    choice: str


SUBJECTS = (
    Subject("Which load weighs {} kilos?", "{} bags of {} kilos"),
    Subject("Which trip takes {} hours?", "{} days of {} hours"),
    Subject("Which rope has {} meters?", "{} parts of {} meters"),
    Subject("Which tank holds {} liters?", "{} cups of {} liters"),
    Subject("Which gift costs {} dollars?", "{} toys of {} dollars"),
    Subject("Which song lasts {} minutes?", "{} verses of {} minutes"),
)


def generate(rng: Random, with_easy: bool) -> Problem:
    """Makes a question with four different products, which are close to each other except in documents."""
    index = rng.randrange(len(SUBJECTS))
    subject = SUBJECTS[index]
    spread = rng.choice((12, 24, 80)) if with_easy else 12
    every = [(a, b) for a in range(2, 7) for b in range(2, 10)]
    right = rng.choice(every)
    wanted = right[0] * right[1]
    pairs = {wanted: right}
    for a, b in rng.sample(every, len(every)):
        if len(pairs) < len(LETTERS) and abs(a * b - wanted) <= spread:
            pairs.setdefault(a * b, (a, b))
    options = rng.sample(list(pairs.values()), len(LETTERS))
    best = options.index(right)
    return Problem(
        task="mini_arc",
        template=f"arc-{index}",
        slots=(wanted, *(n for pair in sorted(options) for n in pair)),
        question=subject.question.format(wanted),
        choices=tuple(subject.choice.format(a, b) for a, b in options),
        answer=f"({LETTERS[best]})",
        hurry=HURRY,
        hurried=f"It looks like ({LETTERS[best]}).",
        careful=partial(careful_search, options, wanted),
    )


def careful_search(options: list[tuple[int, int]], wanted: int, rng: Random) -> str:
    """Works out the choices one by one, in any order, until one fits."""
    opening = rng.choice(OPENINGS)
    steps: list[str] = []
    for index in rng.sample(range(len(LETTERS)), len(LETTERS)):
        a, b = options[index]
        steps.append(f"({LETTERS[index]}) {a} * {b} = {a * b} {'yes' if a * b == wanted else 'no'}")
        if a * b == wanted:
            break
    return f"{opening} {', '.join(steps)}."


FAMILY = Family("mini_arc", generate)
