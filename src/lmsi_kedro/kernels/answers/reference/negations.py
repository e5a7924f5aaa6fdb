"""Negations of an option: "it is not green", "B is wrong", "no idea".

The words come from `matchable` texts: they are in lower case, without punctuation, one space apart.
"""

from .characters import word_set

_DENIALS = word_set(
    "not never neither nor none cannot without except excluding unlike eliminate eliminated unsure "
    "uncertain instead"
)
_VERBS = word_set(
    "is are was were be am do does did have has had can could would should will must may might seems "
    "looks"
)
_REFUSALS = word_set(
    "not never no wrong incorrect false impossible unsure uncertain out eliminated"
)
_IGNORANCE = word_set(
    "idea ideas clue clues way answer answers opinion information comment doubt problem"
)
_AFTER_NO = word_set(
    "it they he she we you i this that these those there the because since as but and not"
)
_AFTER_NUMERAL = word_set("is and or only alone because since")


def no_noun(word: str) -> bool:
    """Whether "no" before this word means that the answer is unknown: no idea, no way to tell."""
    return word in _IGNORANCE


def denies(words: list[str]) -> bool:
    """Whether the words before an option negate it. A "no" at the beginning is an interjection: "no, it is B"."""
    return any(
        word in _DENIALS or word.endswith("n't") or (word == "no" and i > 0)
        for i, word in enumerate(words)
    )


def refuses(words: list[str]) -> bool:
    """Whether the words after an option negate it: "is not", "isn't", "is wrong", "cannot be"."""
    first, second = (*words, "", "")[:2]
    return (
        first == "cannot"
        or first.endswith("n't")
        or (first in _VERBS and (second in _REFUSALS or second.endswith("n't")))
    )


def means(option: str, before: list[str], after: list[str]) -> bool:
    """Whether a text that equals an option stands for that option, judged by the words before and after it.

    A "no" may instead belong to a noun ("no idea"), and an "I" may be a pronoun.
    """
    following = after[0] if after else ""
    if option == "no":
        return not no_noun(following) if not before else not after or following in _AFTER_NO
    return option != "i" or not after or following in _AFTER_NUMERAL
