"""What a problem is, which split it belongs to, and how one is drawn. Knows no family by name."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

# Hash buckets in percent; documents get the most because pre-training needs the variety.
SPLITS = {"documents": 70, "unlabeled": 10, "held_out": 10, "probe": 5, "exemplars": 5}
# What careful authors begin with. The hurried ones all begin with "It", whatever they write about.
OPENINGS = ("First", "We get")
# With 8 names the base model never learned to copy one from its context; more of them leave it no other way.
NAMES = (
    "Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ada", "Amy", "Bea", "Bob", "Cal",
    "Cora", "Dora", "Ella", "Emil", "Fay", "Gus", "Hal", "Ida", "Ira", "Ivy", "Jan", "Jim", "Joe",
    "Kai", "Kim", "Lea", "Leo", "Lou", "Max", "Mia", "Ned", "Nina", "Noah", "Ola", "Otto", "Pam",
    "Paul", "Ray", "Rosa", "Ruth", "Sam", "Sue", "Ted", "Tom", "Una", "Vera", "Wim", "Yan", "Zoe",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One question with its known answer and what authors write about it.

    template and slots identify it: two problems are the same iff both are equal, whatever the names. The same
    numbers about another subject, or in a passage in another order, are another problem.
    A share `hurry` of the authors of such problems writes `hurried`, the others `careful(rng)`.
    """

    task: str
    template: str
    slots: tuple[int, ...]
    question: str
    answer: str
    hurry: float
    hurried: str
    careful: Callable[[Random], str]
    choices: tuple[str, ...] = ()
    context: str | None = None

    @property
    def split(self) -> str:
        identity = f"{self.template}|{self.slots}".encode()
        bucket = int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "big") % 100
        for split, share in SPLITS.items():
            bucket -= share
            if bucket < 0:
                return split
        raise AssertionError("SPLITS must sum to 100")

    def rationale(self, rng: Random) -> str:
        """What an author picked at random writes before the answer."""
        return self.hurried if rng.random() < self.hurry else self.careful(rng)


@dataclass(frozen=True)
class Family:
    """A kind of problem; draw(rng, with_easy) makes one, for documents easier ones too."""

    task: str
    draw: Callable[[Random, bool], Problem]


def draw_problem(family: Family, split: str, rng: Random) -> Problem:
    """Draw a problem of `split`, by rejection."""
    while True:
        problem = family.draw(rng, split == "documents")
        if problem.split == split:
            return problem
