"""Tests whether a training or generated question equals or overlaps with a question of an evaluation set."""

from collections.abc import Iterable

from lmsi_kedro.tasks.prompts import Question, words_of

LEAK_WORDS = 13  # consecutive words, as in appendix C of the GPT-3 paper
TEMPLATE_WORDS = 3
Words = tuple[str, ...]


class Evaluated:
    """The questions of evaluation sets, with which other questions are compared.

    Words of a template are ignored when questions are tested for overlap. Three consecutive words belong to the
    template if they occur in all of the `templated` questions. Otherwise most NLI questions would overlap, because
    they share "... is true? Answer yes, no or it is not possible to tell."
    """

    def __init__(self, questions: Iterable[Question], templated: Iterable[Question] = ()) -> None:
        templates = [set(_runs(words_of(each), TEMPLATE_WORDS)) for each in templated]
        self.template = set.intersection(*templates) if templates else set[Words]()
        self.texts = {words_of(each) for each in questions}
        self.runs = {run for words in self.texts for run in self._own_runs(words)}

    def has(self, question: Question) -> bool:
        """Returns whether an evaluated question has the same words, ignoring punctuation and case."""
        return words_of(question) in self.texts

    def overlaps(self, question: Question) -> bool:
        """Returns whether an evaluated question shares LEAK_WORDS consecutive words with this one."""
        return not self.runs.isdisjoint(self._own_runs(words_of(question)))

    def _own_runs(self, words: Words) -> list[Words]:
        runs = enumerate(_runs(words, TEMPLATE_WORDS))
        starts = [start for start, run in runs if run in self.template]
        covered = {start + i for start in starts for i in range(TEMPLATE_WORDS)}
        return _runs(tuple(w for i, w in enumerate(words) if i not in covered), LEAK_WORDS)


def _runs(words: Words, size: int) -> list[Words]:
    """Returns all runs of `size` consecutive words; the list is empty for a shorter text."""
    return [words[i : i + size] for i in range(len(words) - size + 1)]
