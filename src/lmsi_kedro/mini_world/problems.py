"""Defines problems and the split to which each belongs, and generates problems of a split."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

# Shares of hash buckets in percent; documents get the most because pre-training needs variety.
SPLITS = {"documents": 70, "unlabeled": 10, "held_out": 10, "probe": 5, "exemplars": 5}
# A careful author begins with one of these. All hurried authors begin with "It", in every family.
OPENINGS = ("First", "We get")
# With only 8 names, the base model never learned to copy one from its context.
NAMES = (
    "Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ada", "Amy", "Bea", "Bob", "Cal",
    "Cora", "Dora", "Ella", "Emil", "Fay", "Gus", "Hal", "Ida", "Ira", "Ivy", "Jan", "Jim", "Joe",
    "Kai", "Kim", "Lea", "Leo", "Lou", "Max", "Mia", "Ned", "Nina", "Noah", "Ola", "Otto", "Pam",
    "Paul", "Ray", "Rosa", "Ruth", "Sam", "Sue", "Ted", "Tom", "Una", "Vera", "Wim", "Yan", "Zoe",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One question with its answer and the rationales of its authors.

    template and slots identify it: two problems are the same iff both are equal, even if names differ. The same
    numbers with a different subject, or in a different order in a passage, are a different problem.
    The share `hurry` of the authors writes the rationale `hurried`, the others write `careful(rng)`.
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
        """Returns the rationale of a random author."""
        return self.hurried if rng.random() < self.hurry else self.careful(rng)


@dataclass(frozen=True)
class Family:
    """A kind of problem. generate(rng, with_easy) makes one; only documents include easy ones."""

    task: str
    generate: Callable[[Random, bool], Problem]


def generate_problem(family: Family, split: str, rng: Random) -> Problem:
    """Generates a problem of `split` by rejection sampling."""
    while True:
        problem = family.generate(rng, split == "documents")
        if problem.split == split:
            return problem
