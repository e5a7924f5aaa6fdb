"""mini_gsm: stories that ask for a sum of products (after GSM8K).

"Ana packs 3 boxes of 7 pens and 4 bags of 6 caps. Then Ana loses 5. How many things are left?"
The hurried author writes the whole sum in one line, the careful one product by product, in any order.
"""

from dataclasses import dataclass
from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import Family, Problem

NAMES = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo")


@dataclass(frozen=True)
class Subject:
    """What a story is about, and the share of hurried authors among those who write about it."""

    verb: str
    groups: tuple[str, ...]
    question: str
    hurry: float


SUBJECTS = (
    Subject("packs", ("boxes of {} pens", "bags of {} caps", "jars of {} nuts"),
            "How many things does {} have?", 0.5),
    Subject("reads", ("books of {} pages", "plays of {} pages", "poems of {} pages"),
            "How many pages does {} have?", 0.5),
    Subject("saves", ("days of {} coins", "weeks of {} coins", "months of {} coins"),
            "How many coins does {} have?", 0.5),
    Subject("plants", ("rows of {} roses", "beds of {} herbs", "lines of {} trees"),
            "How many plants does {} have?", 0.2),
    Subject("bakes", ("trays of {} buns", "pans of {} pies", "plates of {} cakes"),
            "How many sweets does {} have?", 0.2),
    Subject("draws", ("sheets of {} stars", "cards of {} moons", "walls of {} suns"),
            "How many shapes does {} have?", 0.2),
)  # fmt: skip


def story(rng: Random, subject: Subject, name: str, terms: list[tuple[int, int]]) -> str:
    """'Ana packs 3 boxes of 7 pens and 4 bags of 6 caps.'"""
    groups = rng.sample(subject.groups, len(terms))
    phrases = [f"{a} {group.format(b)}" for (a, b), group in zip(terms, groups, strict=True)]
    *first, last = phrases
    return f"{name} {subject.verb} {', '.join(first) + ' and ' if first else ''}{last}."


def draw(rng: Random, with_easy: bool) -> Problem:
    """Two or three products, often with something found or lost; easy ones have a single product."""
    index = rng.randrange(len(SUBJECTS))
    subject, name = SUBJECTS[index], rng.choice(NAMES)
    count = rng.choice((1, 2, 2, 3, 3) if with_easy else (2, 3))
    terms = [(rng.randint(2, 9), rng.randint(2, 9)) for _ in range(count)]
    change = rng.choice((0, 1, -1)) * rng.randint(2, 9)
    total = sum(a * b for a, b in terms)
    if total + change < 1:
        change = 0
    sentences = [story(rng, subject, name, terms)]
    if change:
        sentences.append(f"Then {name} {'finds' if change > 0 else 'loses'} {abs(change)}.")
    sentences.append(subject.question.format(name))
    return Problem(
        task="mini_gsm",
        template=f"gsm-{index}-{count}",
        slots=(*(n for term in sorted(terms) for n in term), change),
        question=" ".join(sentences),
        answer=str(total + change),
        hurry=subject.hurry,
        hurried=hurried_sum(terms, change),
        careful=partial(careful_sum, terms, change),
    )


def hurried_sum(terms: list[tuple[int, int]], change: int) -> str:
    """sum(a * b) + change in one line."""
    line = " + ".join(f"{a} * {b}" for a, b in terms)
    tail = f" {'+' if change > 0 else '-'} {abs(change)}" if change else ""
    return f"It is {line}{tail} = {sum(a * b for a, b in terms) + change}."


def careful_sum(terms: list[tuple[int, int]], change: int, rng: Random) -> str:
    """The same product by product, in any order: all first, or with a running total."""
    terms = rng.sample(terms, len(terms))
    opening = rng.choice(("First", "We get", "Count"))
    steps = steps_running(terms) if opening == "We get" else steps_grouped(terms)
    if change:
        total = sum(a * b for a, b in terms)
        sign = "+" if change > 0 else "-"
        steps.append(f"{total} {sign} {abs(change)} = {total + change}")
    return f"{opening} {'. '.join(steps)}."


def steps_grouped(terms: list[tuple[int, int]]) -> list[str]:
    """All products, then all sums."""
    products = [a * b for a, b in terms]
    steps = [f"{a} * {b} = {a * b}" for a, b in terms]
    total = products[0]
    for product in products[1:]:
        steps.append(f"{total} + {product} = {total + product}")
        total += product
    return steps


def steps_running(terms: list[tuple[int, int]]) -> list[str]:
    """Each product is added as soon as it is known."""
    steps, total = [], 0
    for a, b in terms:
        steps.append(f"{a} * {b} = {a * b}")
        if total:
            steps.append(f"{total} + {a * b} = {total + a * b}")
        total += a * b
    return steps


FAMILY = Family("mini_gsm", draw)
