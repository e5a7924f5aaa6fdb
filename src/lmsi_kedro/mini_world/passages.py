"""mini_drop: short passages with questions about a number, a name or a date (after DROP).

"Match report: Ana 2 points, Ben 9 points, Cleo 8 points and Dan 5 points."
"How many points have they together?"  "Who brings the total to 19 points?"
"The mill opened on 5 May 1931, the bank 4 days after the mill and the park 6 days after the bank."
"On which date did the park open?"  "What opened on 9 May 1931?"
The hurried author copies an answer from the passage; the careful one adds up, name by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random

from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, Family, Problem

REPORTS = {"Match": "points", "Fair": "tickets", "Lake": "fish", "Shop": "lamps"}
BUILDINGS = (
    "mill", "bank", "park", "school", "church", "tower", "port", "inn", "pool", "shop", "gym",
    "zoo", "barn", "dam", "farm", "fort", "gate", "hall", "hotel", "lab", "mall", "mine", "museum",
    "pier",
)  # fmt: skip
MONTHS = ("March", "May", "July", "October")
YEARS = (1880, 1989)


@dataclass(frozen=True)
class Passage:
    """A passage; its entries are names with amounts, or buildings with a date or the days since the previous one.

    subject is the title of a report or the month of a diary; it is part of the problem's template.
    """

    subject: str
    entries: dict[str, int]
    context: str
    question: str
    answer: str


@dataclass(frozen=True)
class Kind:
    """A kind of question: write(searching, count, needed, rng) makes a passage that asks for a name or a sum.

    hurry is the share of hurried authors. It is smaller if the answer is a name, because 42 % of guessed names are
    right.
    """

    write: Callable[[bool, int, int, Random], Passage]
    searching: bool
    hurry: float


def report(searching: bool, count: int, needed: int, rng: Random) -> Passage:
    """Asks how much people have together, or who brings the sum to a total."""
    title, unit = rng.choice(list(REPORTS.items()))
    names, counts = rng.sample(NAMES, count), [rng.randint(2, 9) for _ in range(count)]
    *first, last = [f"{name} {n} {unit}" for name, n in zip(names, counts, strict=True)]
    total = sum(counts[: needed + 1])
    who = f"Who brings the total to {total} {unit}?"
    return Passage(
        subject=title,
        entries=dict(zip(names, counts, strict=True)),
        context=f"{title} report: {', '.join(first)} and {last}.",
        question=who if searching else f"How many {unit} have they together?",
        answer=names[needed] if searching else str(total),
    )


def diary(searching: bool, count: int, needed: int, rng: Random) -> Passage:
    """Lists openings, each some days after the previous one; asks when one was, or what opened on a date."""
    month, year = rng.choice(MONTHS), rng.randint(*YEARS)
    names = rng.sample(BUILDINGS, count)
    day, gaps = rng.randint(1, 9), [rng.randint(2, 6) for _ in range(count - 1)]
    *others, last = [
        f"the {b} {gap} days after the {a}"
        for (a, b), gap in zip(pairwise(names), gaps, strict=True)
    ]
    start = f"The {names[0]} opened on {day} {month} {year}"
    date = f"{day + sum(gaps[:needed])} {month} {year}"
    what, when = f"What opened on {date}?", f"On which date did the {names[needed]} open?"
    return Passage(
        subject=month,
        entries=dict(zip(names, [day, *gaps], strict=True)),
        context=f"{', '.join([start, *others])} and {last}.",
        question=what if searching else when,
        answer=names[needed] if searching else date,
    )


KINDS = {
    "together": Kind(report, searching=False, hurry=0.55),
    "who": Kind(report, searching=True, hurry=0.3),
    "date": Kind(diary, searching=False, hurry=0.55),
    "what": Kind(diary, searching=True, hurry=0.3),
}


def generate(rng: Random, with_easy: bool) -> Problem:
    """Makes a report or a diary of three or four entries; documents also contain some of two entries.

    Entries after `needed` do not affect the answer, but a problem with different entries, or with the same ones in
    a different order, is another problem.
    """
    name, kind = rng.choice(list(KINDS.items()))
    count = rng.choice((2, 3, 4) if with_easy else (3, 4))
    needed = rng.randrange(1, count) if kind.searching else count - 1
    passage = kind.write(kind.searching, count, needed, rng)
    return Problem(
        task="mini_drop",
        template=f"drop-{name}-{passage.subject}-{count}",
        slots=(needed, *passage.entries.values()),
        context=passage.context,
        question=passage.question,
        answer=passage.answer,
        hurry=kind.hurry,
        hurried=f"It looks like {passage.answer}.",
        careful=partial(add_up, list(passage.entries.items())[: needed + 1], kind.searching),
    )


def add_up(entries: list[tuple[str, int]], searching: bool, rng: Random) -> str:
    """Adds up the entries one by one, with each name before or after its value."""
    name_first = rng.random() < 0.5
    wanted, _ = entries[-1]
    total = 0
    steps: list[str] = []
    for name, n in entries:
        total += n
        value = f"{total - n} + {n} = {total}" if steps else f"{n}"
        step = f"{name} {value}" if name_first else f"{value} {name}"
        verdict = " yes" if name == wanted else " no"
        steps.append(step + (verdict if searching else ""))
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


FAMILY = Family("mini_drop", generate)
