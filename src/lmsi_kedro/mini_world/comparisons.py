"""mini_strategy: yes-no questions on sums that need intermediate steps (after StrategyQA). They are out of domain.

"Would 3 bags of 7 kilos and a box of 5 kilos weigh more than 24 kilos?"
The hurried author estimates; the careful one works it out and compares. Documents contain few such questions.
"""

from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import OPENINGS, Family, Problem

SUBJECTS = (
    ("Would {} bags of {} kilos and a box of {} kilos weigh more than {} kilos?", 0.4),
    ("Would {} days of {} hours and a night of {} hours take more than {} hours?", 0.4),
    ("Would {} toys of {} dollars and a book of {} dollars cost more than {} dollars?", 0.2),
)


def generate(rng: Random, with_easy: bool) -> Problem:
    """Makes a question that compares a product plus a number with a limit, which is not close to the sum."""
    index = rng.randrange(len(SUBJECTS))
    question, hurry = SUBJECTS[index]
    a, b, more = rng.randint(2, 6), rng.randint(2, 9), rng.randint(2, 9)
    total = a * b + more
    limit = total + rng.choice((-1, 1)) * rng.randint(3, 12)
    limit = limit if limit > 1 else total + 5
    answer = "yes" if total > limit else "no"
    return Problem(
        task="mini_strategy",
        template=f"strategy-{index}",
        slots=(a, b, more, limit),
        question=question.format(a, b, more, limit),
        answer=answer,
        hurry=hurry,
        hurried=f"It looks like {answer}.",
        careful=partial(careful_comparison, a, b, more, limit),
    )


def careful_comparison(a: int, b: int, more: int, limit: int, rng: Random) -> str:
    """Writes the total and whether it is above the limit; the limit may be named first."""
    total = a * b + more
    steps = [f"limit {limit}"] if rng.random() < 0.5 else []
    verdict = "above yes" if total > limit else "below no"
    steps += [f"{a} * {b} = {a * b}", f"{a * b} + {more} = {total} {verdict}"]
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


FAMILY = Family("mini_strategy", generate)
