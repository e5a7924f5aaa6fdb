"""mini_gsm: stories that ask for a sum of products (after GSM8K).

"Ana packs 3 boxes of 7 pens and 4 bags of 6 caps. Then Ana loses 5. How many things does Ana have?"
The hurried author writes the whole sum in one line; the careful one writes one product after another, in any
order.
"""

from dataclasses import dataclass
from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, Family, Problem


@dataclass(frozen=True)
class Subject:
    """The subject of a story, and the share of hurried authors for it."""

    verb: str
    groups: tuple[str, ...]
    question: str
    hurry: float


SUBJECTS = (
    Subject("packs", ("boxes of {} pens", "bags of {} caps", "jars of {} nuts"),
            "How many things does {} have?", 0.6),
    Subject("reads", ("books of {} pages", "plays of {} pages", "poems of {} pages"),
            "How many pages does {} have?", 0.6),
    Subject("saves", ("days of {} coins", "weeks of {} coins", "months of {} coins"),
            "How many coins does {} have?", 0.6),
    Subject("plants", ("rows of {} roses", "beds of {} herbs", "lines of {} trees"),
            "How many plants does {} have?", 0.6),
    Subject("bakes", ("trays of {} buns", "pans of {} pies", "plates of {} cakes"),
            "How many sweets does {} have?", 0.2),
    Subject("draws", ("sheets of {} stars", "cards of {} moons", "walls of {} suns"),
            "How many shapes does {} have?", 0.2),
)  # fmt: skip
# On the other subjects, 99 of 100 greedy paths of the base model are right; only documents and mini_svamp use
# these.
ASKED = tuple(subject for subject in SUBJECTS if subject.hurry > 0.5)


@dataclass(frozen=True)
class Term:
    """ "a groups of b things": `group` is "boxes of {} pens"."""

    a: int
    b: int
    group: str

    @property
    def value(self) -> int:
        return self.a * self.b

    @property
    def step(self) -> str:
        """The step of a rationale, such as "boxes: 3 * 7 = 21"."""
        return f"{self.group.split()[0]}: {self.a} * {self.b} = {self.value}"


def generate_terms(rng: Random, subject: Subject, count: int) -> list[Term]:
    groups = rng.sample(subject.groups, count)
    return [Term(rng.randint(2, 6), rng.randint(2, 9), group) for group in groups]


def story(name: str, subject: Subject, terms: list[Term]) -> str:
    """Writes a sentence such as "Ana packs 3 boxes of 7 pens and 4 bags of 6 caps."."""
    *first, last = [f"{term.a} {term.group.format(term.b)}" for term in terms]
    return f"{name} {subject.verb} {', '.join(first) + ' and ' if first else ''}{last}."


def slots(terms: list[Term]) -> list[int]:
    """Returns the numbers of the terms in canonical order: 3 * 7 + 4 * 6 equals 4 * 6 + 3 * 7."""
    return [number for pair in sorted((term.a, term.b) for term in terms) for number in pair]


def generate(rng: Random, with_easy: bool) -> Problem:
    """Makes a story of two or three products, perhaps with a change; with_easy adds easier ones."""
    subject, name = rng.choice(SUBJECTS if with_easy else ASKED), rng.choice(NAMES)
    count = rng.choice((1, 2, 2, 3, 3) if with_easy else (2, 2, 2, 3))
    terms = generate_terms(rng, subject, count)
    # A change is rarer in questions than in documents, because an early base model guessed whether "finds" adds.
    change = rng.choice((0, 1, -1) if with_easy else (0, 0, 0, 0, 1, -1)) * rng.randint(2, 9)
    total = sum(term.value for term in terms)
    if total + change < 1:
        change = 0
    sentences = [story(name, subject, terms)]
    if change:
        sentences.append(f"Then {name} {'finds' if change > 0 else 'loses'} {abs(change)}.")
    sentences.append(subject.question.format(name))
    return Problem(
        task="mini_gsm",
        template=f"gsm-{SUBJECTS.index(subject)}-{count}",
        slots=(*slots(terms), change),
        question=" ".join(sentences),
        answer=str(total + change),
        hurry=subject.hurry,
        hurried=hurried_sum(terms, change),
        careful=partial(careful_sum, terms, change),
    )


def hurried_sum(terms: list[Term], change: int) -> str:
    """Writes the whole sum in one line."""
    line = " + ".join(f"{term.a} * {term.b}" for term in terms)
    tail = f" {'+' if change > 0 else '-'} {abs(change)}" if change else ""
    return f"It is {line}{tail} = {sum(term.value for term in terms) + change}."


def careful_sum(terms: list[Term], change: int, rng: Random) -> str:
    """Writes the products in any order: all of them first, or with a running total."""
    terms = rng.sample(terms, len(terms))
    opening = rng.choice(OPENINGS)
    steps = running(terms) if opening == "We get" else grouped(terms)
    if change:
        total = sum(term.value for term in terms)
        steps.append(f"{total} {'+' if change > 0 else '-'} {abs(change)} = {total + change}")
    return f"{opening} {', '.join(steps)}."


def grouped(terms: list[Term]) -> list[str]:
    """Lists all products, then all sums."""
    steps, total = [term.step for term in terms], terms[0].value
    for term in terms[1:]:
        steps.append(f"{total} + {term.value} = {total + term.value}")
        total += term.value
    return steps


def running(terms: list[Term]) -> list[str]:
    """Adds each product to the total right after it."""
    steps, total = [terms[0].step], terms[0].value
    for term in terms[1:]:
        steps += [term.step, f"{total} + {term.value} = {total + term.value}"]
        total += term.value
    return steps


FAMILY = Family("mini_gsm", generate)
