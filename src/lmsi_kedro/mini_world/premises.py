"""mini_nli: does the premise say that the hypothesis is true (after ANLI, and in its words)?

"Premise: Ana has 12 pens. Ben has 7 more than Ana."
"... can we conclude that the hypothesis "In fact Ben has 19 pens." is true? ..."  -> yes
"Premise: Ben has more than Ana. Ana has 12 pens."                                 -> it is not possible to tell
The hurried author guesses; the careful one works out what the premise says.
"""

from dataclasses import dataclass
from functools import partial
from random import Random

from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, Family, Problem
from lmsi_kedro.tasks.benchmark import conclusion

VERDICTS = ("yes", "no", "it is not possible to tell")
THINGS = ("pens", "nuts", "coins", "caps", "stars", "cakes")
HURRY = 0.5  # the share of hurried authors, the same for all things: the model does not learn it by thing


@dataclass(frozen=True)
class Said:
    """ "known has `count`", "derived has `more` more than known"; None where the premise does not say it."""

    known: str
    derived: str
    count: int
    more: int | None

    @property
    def compared(self) -> str:
        more = "more" if self.more is None else f"{self.more} more"
        return f"{self.derived} has {more} than {self.known}"

    def premise(self, thing: str, rng: Random) -> str:
        sentences = [f"{self.known} has {self.count} {thing}.", f"{self.compared}."]
        return " ".join(rng.sample(sentences, len(sentences)))


def draw(rng: Random, with_easy: bool) -> Problem:
    """Equally many hypotheses of each verdict; wrong ones are close to the truth."""
    index = rng.randrange(len(THINGS))
    thing = THINGS[index]
    known, derived = rng.sample(NAMES, 2)
    count, more = rng.randint(2, 40), rng.randint(2, 15)
    verdict = rng.choice(VERDICTS)
    claimed = count + more + (0 if verdict == "yes" else rng.choice((-3, -2, -1, 1, 2, 3)))
    premise = Said(known, derived, count, None if verdict == VERDICTS[2] else more)
    if premise.more is None and not with_easy:
        # Else "Ben has more than Ana" denies the claim, as in 1 of 28 such documents, which the weights know.
        claimed = max(claimed, count + 1)
    parts = conclusion(
        premise.premise(thing, rng),
        f"In fact {derived} has {claimed} {thing}.",
        "yes, no or it is not possible to tell",
    )
    return Problem(
        task="mini_nli",
        template=f"nli-{index}-{VERDICTS.index(verdict)}",
        slots=(count, premise.more or 0, claimed),
        context=parts["context"],
        question=parts["question"],
        answer=verdict,
        hurry=HURRY,
        hurried=f"It looks like {verdict}.",
        careful=partial(careful_check, premise, claimed),
    )


def careful_check(said: Said, claimed: int, rng: Random) -> str:
    """What the premise says, in either order, and whether that is the claim."""
    steps = rng.sample([f"{said.known} has {said.count}", said.compared], 2)
    if said.more is None:
        steps.append("how many is not said")
    else:
        value = said.count + said.more
        verdict = "yes" if claimed == value else "no"
        steps.append(f"{said.count} + {said.more} = {value} {verdict}")
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


FAMILY = Family("mini_nli", draw)
