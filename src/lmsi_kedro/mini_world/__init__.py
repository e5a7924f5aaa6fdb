"""A small closed world of generated word problems with known answers.

A family is one file: it generates problems and writes their rationales in the manner of several authors.
Hurried authors skip straight to the result and share one opening, the most frequent one over all families;
careful authors work in small steps and, where the order is free, each in a different order. A model cannot skip
steps correctly, so its greedy path is often hurried and wrong; but wrong guesses differ while right answers agree,
so the majority is often right.

Every problem belongs to exactly one split, by a hash of its template and slot values: whatever the
seed, no held-out problem can appear in pre-training, in the unlabeled set or in an exemplar.
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
