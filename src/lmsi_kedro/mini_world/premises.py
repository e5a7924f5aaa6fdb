"""mini_nli: does the premise say that the hypothesis is true (after ANLI, and with its wording)?

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
HURRY = 0.5  # the share of hurried authors, for all things: the model did not learn a different share for each


@dataclass(frozen=True)
class Facts:
    """The premise: "known has `count`" and "derived has `more` more than known"; more is None if unspecified."""

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


def generate(rng: Random, with_easy: bool) -> Problem:
    """Makes hypotheses of each verdict equally often; wrong ones are close to the truth."""
    index = rng.randrange(len(THINGS))
    thing = THINGS[index]
    known, derived = rng.sample(NAMES, 2)
    count, more = rng.randint(2, 40), rng.randint(2, 15)
    verdict = rng.choice(VERDICTS)
    claimed = count + more + (0 if verdict == "yes" else rng.choice((-3, -2, -1, 1, 2, 3)))
    facts = Facts(known, derived, count, None if verdict == VERDICTS[2] else more)
    if facts.more is None and not with_easy:
        # Otherwise "Ben has more than Ana" could contradict the claim, as in 1 of 28 such pre-training documents.
        claimed = max(claimed, count + 1)
    parts = conclusion(
        facts.premise(thing, rng),
        f"In fact {derived} has {claimed} {thing}.",
        "yes, no or it is not possible to tell",
    )
    return Problem(
        task="mini_nli",
        template=f"nli-{index}-{VERDICTS.index(verdict)}",
        slots=(count, facts.more or 0, claimed),
        context=parts["context"],
        question=parts["question"],
        answer=verdict,
        hurry=HURRY,
        hurried=f"It looks like {verdict}.",
        careful=partial(careful_check, facts, claimed),
    )


def careful_check(facts: Facts, claimed: int, rng: Random) -> str:
    """Writes the facts in either order, and whether they give the claimed number."""
    steps = rng.sample([f"{facts.known} has {facts.count}", facts.compared], 2)
    if facts.more is None:
        steps.append("how many is not said")
    else:
        value = facts.count + facts.more
        verdict = "yes" if claimed == value else "no"
        steps.append(f"{facts.count} + {facts.more} = {value} {verdict}")
    return f"{rng.choice(OPENINGS)} {', '.join(steps)}."


FAMILY = Family("mini_nli", generate)
