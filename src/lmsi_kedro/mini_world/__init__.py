"""A small closed world of word problems whose answers are known because it makes them.

A family is one file: it draws problems and writes their rationales in the manner of several authors.
Hurried authors jump to the result and share one opening, the most frequent one of all families taken together;
careful ones go in small steps and, where order is free, each in his own. A model cannot jump as they do, so its
greedy path is often hurried and wrong; but wrong guesses differ where right answers agree, and its consensus is
often right.

Every problem belongs to exactly one split, decided by a hash of its template and slot values: whatever the
seed, no held-out problem can ever be drawn for pre-training, for the unlabeled set or for an exemplar.
"""

from lmsi_kedro.mini_world import (
    arithmetic,
    comparisons,
    distractors,
    multiple_choice,
    passages,
    premises,
)
from lmsi_kedro.mini_world.problems import Family

FAMILIES: dict[str, Family] = {
    family.task: family
    for family in (
        arithmetic.FAMILY,
        multiple_choice.FAMILY,
        passages.FAMILY,
        premises.FAMILY,
        distractors.FAMILY,
        comparisons.FAMILY,
    )
}
