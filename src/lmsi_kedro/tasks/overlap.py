"""Is a question known from an evaluation set? One test for what is taught and for what is generated."""

from collections.abc import Iterable

from lmsi_kedro.tasks.prompts import Asked, words_of

LEAK_WORDS = 13  # in a row, as in the test of GPT-3, appendix C


class Evaluated:
    """The questions of evaluation sets; words that they share with `given` ones tell nothing."""

    def __init__(self, asked: Iterable[Asked], given: Iterable[Asked] = ()) -> None:
        self.texts = {words_of(each) for each in asked}
        self.runs = {run for words in self.texts for run in _runs(words)}
        self.runs -= {run for each in given for run in _runs(words_of(each))}

    def has(self, asked: Asked) -> bool:
        """One of them has the same words, punctuation and case aside."""
        return words_of(asked) in self.texts

    def overlaps(self, asked: Asked) -> bool:
        """One of them has LEAK_WORDS of its words in a row."""
        return not self.runs.isdisjoint(_runs(words_of(asked)))


def _runs(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    """All LEAK_WORDS words in a row; none of a shorter text."""
    return {words[i : i + LEAK_WORDS] for i in range(len(words) - LEAK_WORDS + 1)}
