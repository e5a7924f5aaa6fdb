"""Finds questions that are trained on although they are also in an evaluation set."""

import polars as pl

from lmsi_kedro.tasks.overlap import LEAK_WORDS, Evaluated
from lmsi_kedro.tasks.questions import questions_in


def find_leaks(
    question_ids: pl.Series, questions: pl.DataFrame
) -> tuple[list[str], dict[str, int]]:
    """Returns the questions with the same words as a held-out or probe question, and counts of questions.

    exact: the returned ones. overlapping: further ones that share LEAK_WORDS consecutive words with a held-out or
    probe question (as in GPT-3, appendix C); they are only counted.
    """
    by_id = dict(zip(questions["question_id"], questions_in(questions), strict=True))
    others = questions.filter(pl.col("split") != "unlabeled")["question_id"]
    evaluated = Evaluated(by_id[question] for question in others)
    learned = question_ids.unique(maintain_order=True)
    exact = [question for question in learned if evaluated.has(by_id[question])]
    overlapping = [question for question in learned if evaluated.overlaps(by_id[question])]
    return exact, {
        "questions": len(learned),
        "exact": len(exact),
        "overlapping": len(set(overlapping) - set(exact)),
        "words": LEAK_WORDS,
    }
