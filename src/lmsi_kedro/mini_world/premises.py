"""mini_nli: does the premise say that the hypothesis is true (after ANLI, and in its words)?

"Premise: Ana has 12 pens. Ben has 7 more than Ana. Cleo has 4 more than Dan."
"... can we conclude that the hypothesis "In fact Ben has 19 pens." is true? ..."   -> yes
"... can we conclude that the hypothesis "In fact Cleo has 16 pens." is true? ..."  -> it is not possible to tell
The hurried author trusts his eye; the careful one works out what the premise says.
"""

from dataclasses import dataclass
from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, Family, Problem
from lmsi_kedro.tasks.benchmark import conclusion

VERDICTS = ("yes", "no", "it is not possible to tell")
SUBJECTS = {"pens": 0.4, "nuts": 0.4, "coins": 0.4, "caps": 0.4, "stars": 0.2, "cakes": 0.2}


@dataclass(frozen=True)
class Said:
    """ "known has `count`", "derived has `more` more than known", "vague has `other` more than unknown"."""

    known: str
    derived: str
    vague: str
    unknown: str
    count: int
    more: int
    other: int

    @property
    def value(self) -> int:
        return self.count + self.more

    def premise(self, thing: str, rng: Random) -> str:
        sentences = [
            f"{self.known} has {self.count} {thing}.",
            f"{self.derived} has {self.more} more than {self.known}.",
            f"{self.vague} has {self.other} more than {self.unknown}.",
        ]
        return " ".join(rng.sample(sentences, len(sentences)))


def draw(rng: Random, with_easy: bool) -> Problem:
    """As many hypotheses of each verdict; wrong ones are close to the truth."""
    index = rng.randrange(len(SUBJECTS))
    thing, hurry = list(SUBJECTS.items())[index]
    known, derived, vague, unknown = rng.sample(NAMES, 4)
    said = Said(
        known, derived, vague, unknown, rng.randint(2, 30), rng.randint(2, 9), rng.randint(2, 9)
    )
    verdict = rng.choice(VERDICTS)
    claimed = said.value + (0 if verdict == "yes" else rng.choice((-3, -2, -1, 1, 2, 3)))
    person = said.vague if verdict == VERDICTS[2] else said.derived
    asked = conclusion(
        said.premise(thing, rng),
        f"In fact {person} has {claimed} {thing}.",
        "yes, no or it is not possible to tell",
    )
    return Problem(
        task="mini_nli",
        template=f"nli-{index}-{VERDICTS.index(verdict)}",
        slots=(said.count, said.more, said.other, claimed),
        context=asked["context"],
        question=asked["question"],
        answer=verdict,
        hurry=hurry,
        hurried=f"It looks like {verdict}.",
        careful=partial(careful_check, said, person, claimed),
    )


def careful_check(said: Said, person: str, claimed: int, rng: Random) -> str:
    """What the premise says of the person, maybe after the claim, and whether that is the claim."""
    opening = rng.choice(OPENINGS)
    steps = [f"claim {claimed}"] if rng.random() < 0.5 else []
    if person == said.vague:
        steps.append(f"{person} has {said.other} more than {said.unknown}")
        steps.append(f"{said.unknown} has nothing said")
    else:
        steps.append(f"{person} has {said.more} more than {said.known}")
        steps.append(f"{said.known} has {said.count}")
        mark = "yes" if claimed == said.value else "no"
        steps.append(f"{said.count} + {said.more} = {said.value} {mark}")
    return f"{opening} {', '.join(steps)}."


FAMILY = Family("mini_nli", draw)
