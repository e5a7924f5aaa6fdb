"""mini_svamp: stories with an irrelevant sentence (after SVAMP). They are never used for fine-tuning.

"Ana packs 3 boxes of 7 pens. Ben packs 5 jars of 4 nuts. How many things does Ana have?"
As on the web, documents contain few such stories; unlabeled questions, exemplars and examples contain none.
"""

from functools import partial
from random import Random

from lmsi_kedro.mini_world.arithmetic import (
    SUBJECTS,
    careful_sum,
    generate_terms,
    hurried_sum,
    slots,
    story,
)
from lmsi_kedro.mini_world.problems import NAMES, Family, Problem


def generate(rng: Random, with_easy: bool) -> Problem:
    """Makes a story with one or two relevant products and an irrelevant one, in either order."""
    index = rng.randrange(len(SUBJECTS))
    subject = SUBJECTS[index]
    name, other = rng.sample(NAMES, 2)
    count = rng.choice((1, 2) if with_easy else (2,))
    *terms, noise = generate_terms(rng, subject, count + 1)
    sentences = [story(name, subject, terms), story(other, subject, [noise])]
    rng.shuffle(sentences)
    return Problem(
        task="mini_svamp",
        template=f"svamp-{index}-{count}",
        slots=(*slots(terms), *slots([noise])),
        question=" ".join([*sentences, subject.question.format(name)]),
        answer=str(sum(term.value for term in terms)),
        hurry=subject.hurry,
        hurried=hurried_sum(terms, 0),
        careful=partial(careful_sum, terms, 0),
    )


FAMILY = Family("mini_svamp", generate)
