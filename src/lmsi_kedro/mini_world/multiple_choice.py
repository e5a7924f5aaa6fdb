"""mini_arc: which of four quantities is the greatest or the smallest (after ARC).

"Which load is the heaviest? (A) 3 bags of 7 kilos (B) 5 bags of 6 kilos (C) ... (D) ..."
The hurried author trusts his eye; the careful one works out every choice, in any order, and compares.
"""

from dataclasses import dataclass
from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import Family, Problem

LETTERS = "ABCD"


@dataclass(frozen=True)
class Subject:
    """What is compared, which end is asked for, and the share of hurried authors."""

    question: str
    choice: str
    greatest: bool
    hurry: float


SUBJECTS = (
    Subject("Which load is the heaviest?", "{} bags of {} kilos", True, 0.5),
    Subject("Which load is the lightest?", "{} bags of {} kilos", False, 0.5),
    Subject("Which trip is the longest?", "{} days of {} hours", True, 0.5),
    Subject("Which trip is the shortest?", "{} days of {} hours", False, 0.2),
    Subject("Which tank holds the most?", "{} cups of {} liters", True, 0.2),
    Subject("Which tank holds the least?", "{} cups of {} liters", False, 0.2),
)


def draw(rng: Random, with_easy: bool) -> Problem:
    """Four products, all different; in the questions asked they are close to each other."""
    index = rng.randrange(len(SUBJECTS))
    subject = SUBJECTS[index]
    spread = rng.choice((12, 24, 80)) if with_easy else 12
    centre = rng.choice([(a, b) for a in range(2, 10) for b in range(2, 10)])
    near = [
        (a, b)
        for a in range(2, 10)
        for b in range(2, 10)
        if abs(a * b - centre[0] * centre[1]) <= spread
    ]
    pairs: dict[int, tuple[int, int]] = {}
    for a, b in rng.sample(near, len(near)):
        pairs.setdefault(a * b, (a, b))
        if len(pairs) == len(LETTERS):
            break
    if len(pairs) < len(LETTERS):
        return draw(rng, with_easy)
    values = list(pairs)
    best = values.index(max(values) if subject.greatest else min(values))
    return Problem(
        task="mini_arc",
        template=f"arc-{index}",
        slots=tuple(n for pair in sorted(pairs.values()) for n in pair),
        question=subject.question,
        choices=tuple(subject.choice.format(a, b) for a, b in pairs.values()),
        answer=f"({LETTERS[best]})",
        hurry=subject.hurry,
        hurried=f"It looks like ({LETTERS[best]}).",
        careful=partial(careful_comparison, list(pairs.values()), subject.greatest),
    )


def careful_comparison(pairs: list[tuple[int, int]], greatest: bool, rng: Random) -> str:
    """Every choice worked out, in any order, and marked when it is the best so far."""
    opening = rng.choice(("First", "We get", "Count"))
    steps: list[str] = []
    best = 0 if greatest else 100
    for index in rng.sample(range(len(LETTERS)), len(LETTERS)):
        a, b = pairs[index]
        better = a * b > best if greatest else a * b < best
        best = a * b if better else best
        steps.append(f"({LETTERS[index]}) {a} * {b} = {a * b} {'best' if better else 'no'}")
    return f"{opening} {', '.join(steps)}."


FAMILY = Family("mini_arc", draw)
