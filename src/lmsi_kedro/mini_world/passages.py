"""mini_drop: short passages, asked for a number, a name or a date (after DROP).

"Match report: Ana 12 points, Ben 19 points, Cleo 8 points and Dan 21 points."
"Who has 7 points more than Ana?"   "How many points have Ana and Cleo together?"
"The mill opened on 5 May 1931, the bank 4 days after the mill and the park 6 days after the bank."
"On which date did the park open?"  "What opened on 9 May 1931?"
The hurried author reads the answer off the passage; the careful one looks up what he needs, step by step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random

from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, Family, Problem

Careful = Callable[[Random], str]


@dataclass(frozen=True)
class Report:
    """What is counted, and the share of hurried authors."""

    title: str
    unit: str
    hurry: float


REPORTS = (
    Report("Match report", "points", 0.4),
    Report("Fair report", "tickets", 0.4),
    Report("Lake report", "fish", 0.4),
    Report("Shop report", "lamps", 0.2),
)
BUILDINGS = (
    "mill", "bank", "park", "school", "church", "tower", "port", "inn", "pool", "shop", "gym",
    "zoo", "barn", "dam", "farm", "fort", "gate", "hall", "hotel", "lab", "mall", "mine", "museum",
    "pier",
)  # fmt: skip
MONTHS = ("March", "May", "July", "October")
YEARS = (1880, 1989)
PATIENT = 1910  # readers of older diaries take their time


def draw(rng: Random, with_easy: bool) -> Problem:
    """A report of who has how much, or a diary of what opened when."""
    kind = rng.choice(("more", "together", "who", "date", "what"))
    if kind in ("more", "together", "who"):
        return draw_report(kind, rng, with_easy)
    return draw_diary(kind, rng, with_easy)


def draw_report(kind: str, rng: Random, with_easy: bool) -> Problem:
    """Four people; the question is about two or three of them."""
    index = rng.randrange(len(REPORTS))
    report = REPORTS[index]
    names = rng.sample(NAMES, 4)
    counts = dict(zip(names, rng.sample(range(2, 21), 4), strict=True))
    *first, last = [f"{name} {count} {report.unit}" for name, count in counts.items()]
    asked = rng.sample(names, rng.choice((2, 3)) if kind == "together" and with_easy else 3)
    if kind != "together":
        asked = sorted(asked[:2], key=counts.__getitem__)
    question, answer, careful = QUESTIONS[kind](report.unit, counts, asked)
    others = [count for name, count in counts.items() if name not in asked]
    return Problem(
        task="mini_drop",
        template=f"drop-{kind}-{index}-{len(asked)}",
        slots=(*sorted(counts[name] for name in asked), *sorted(others)),
        context=f"{report.title}: {', '.join(first)} and {last}.",
        question=question,
        answer=answer,
        hurry=report.hurry,
        hurried=f"It looks like {answer}.",
        careful=careful,
    )


def ask_more(unit: str, counts: dict[str, int], asked: list[str]) -> tuple[str, str, Careful]:
    """The difference of two."""
    less, more = asked
    difference = f"{counts[more]} - {counts[less]} = {counts[more] - counts[less]}"
    question = f"How many {unit} more than {less} has {more}?"
    return question, str(counts[more] - counts[less]), partial(look_up, counts, asked, [difference])


def ask_together(unit: str, counts: dict[str, int], asked: list[str]) -> tuple[str, str, Careful]:
    """The sum of two or three."""
    *first, last = asked
    question = f"How many {unit} have {', '.join(first)} and {last} together?"
    return question, str(sum(counts[name] for name in asked)), partial(add_up, counts, asked)


def ask_who(unit: str, counts: dict[str, int], asked: list[str]) -> tuple[str, str, Careful]:
    """The one who has so many more than another."""
    less, more = asked
    question = f"Who has {counts[more] - counts[less]} {unit} more than {less}?"
    return question, more, partial(search_names, counts, less, more)


QUESTIONS = {"more": ask_more, "together": ask_together, "who": ask_who}


def look_up(counts: dict[str, int], asked: list[str], steps: list[str], rng: Random) -> str:
    """Those asked about in any order, then the steps."""
    found = [f"{name} {counts[name]}" for name in rng.sample(asked, len(asked))]
    return f"{rng.choice(OPENINGS)} {', '.join(found + steps)}."


def add_up(counts: dict[str, int], asked: list[str], rng: Random) -> str:
    """A running total in any order."""
    name, *others = rng.sample(asked, len(asked))
    steps, total = [f"{name} {counts[name]}"], counts[name]
    for name in others:
        steps += [f"{name} {counts[name]}", f"{total} + {counts[name]} = {total + counts[name]}"]
        total += counts[name]
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


def search_names(counts: dict[str, int], less: str, more: str, rng: Random) -> str:
    """What the wanted one must have, then the others in any order until one fits."""
    steps = [f"{less} {counts[less]}"]
    steps.append(f"{counts[less]} + {counts[more] - counts[less]} = {counts[more]}")
    others = [name for name in counts if name != less]
    for name in rng.sample(others, len(others)):
        steps.append(f"{name} {counts[name]} {'yes' if name == more else 'no'}")
        if name == more:
            break
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


def draw_diary(kind: str, rng: Random, with_easy: bool) -> Problem:
    """Three or four openings, each some days after the one before; the question is about a late one."""
    count = rng.choice((3, 4))
    month = rng.randrange(len(MONTHS))
    days = [rng.randint(1, 9)]
    for _ in range(count - 1):
        days.append(days[-1] + rng.randint(2, 6))
    opened = dict(zip(rng.sample(BUILDINGS, count), days, strict=True))
    asked = rng.randrange(1 if with_easy or kind == "what" else 2, count)
    year = rng.randint(*YEARS)
    names = list(opened)
    question, answer, careful = ask_diary(kind, opened, names[asked], f"{MONTHS[month]} {year}")
    return Problem(
        task="mini_drop",
        template=f"drop-{kind}-{month}-{count}",
        slots=(asked, *days),
        context=diary(opened, f"{MONTHS[month]} {year}"),
        question=question,
        answer=answer,
        hurry=0.2 if year < PATIENT else 0.4,
        hurried=f"It looks like {answer}.",
        careful=careful,
    )


def diary(opened: dict[str, int], month: str) -> str:
    """'The mill opened on 5 May 1931, the bank 4 days after the mill and ...'"""
    names = list(opened)
    start = f"The {names[0]} opened on {opened[names[0]]} {month}"
    *others, last = [
        f"the {name} {opened[name] - opened[before]} days after the {before}"
        for before, name in pairwise(names)
    ]
    return f"{', '.join([start, *others])} and {last}."


def ask_diary(
    kind: str, opened: dict[str, int], asked: str, month: str
) -> tuple[str, str, Careful]:
    """When something opened, or what opened then."""
    date = f"{opened[asked]} {month}"
    if kind == "date":
        return f"On which date did the {asked} open?", date, partial(follow, opened, asked, False)
    return f"What opened on {date}?", asked, partial(follow, opened, asked, True)


def follow(opened: dict[str, int], asked: str, searching: bool, rng: Random) -> str:
    """Date by date, until the one that is asked for."""
    names = list(opened)
    steps = [f"{names[0]} {opened[names[0]]}"]
    for before, name in pairwise(names):
        gap = opened[name] - opened[before]
        steps.append(f"{name} {opened[before]} + {gap} = {opened[name]}")
        if name == asked:
            break
    if searching:
        steps = [f"{step} no" for step in steps[:-1]] + [f"{steps[-1]} yes"]
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


FAMILY = Family("mini_drop", draw)
