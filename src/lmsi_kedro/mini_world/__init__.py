"""A small closed world of generated word problems with known answers.

Each family is one file, which generates problems and writes their rationales in the style of several authors.
Hurried authors skip straight to the result and share one opening, the most frequent one over all families;
careful authors work in small steps and, where the order is free, in different orders. A model cannot skip
steps correctly, so its greedy path is often hurried and wrong; but wrong guesses differ while right answers agree,
so the majority is often right.

A hash of its template and slot values assigns every problem to exactly one split: with any seed, no held-out
problem can appear in pre-training, in the unlabeled set or in an exemplar.
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
