"""Leaves out the paths whose question is also in another split."""

import polars as pl

from lmsi_kedro.tasks.overlap import LEAK_WORDS, Evaluated
from lmsi_kedro.tasks.questions import questions_in


def leave_out_leaks(
    selected: pl.DataFrame, questions: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Returns the selected paths without those whose question is also in another split, and the counts (leaks).

    exact: questions with the same words as one in another split; they are left out. overlapping: further questions
    that share LEAK_WORDS consecutive words with such a question (as in GPT-3, appendix C); they are only counted.
    """
    by_id = dict(zip(questions["question_id"], questions_in(questions), strict=True))
    held_out = questions.filter(pl.col("split") != "unlabeled")["question_id"]
    evaluated = Evaluated(by_id[question] for question in held_out)
    learned = selected["question_id"].unique(maintain_order=True)
    exact = [question for question in learned if evaluated.has(by_id[question])]
    overlapping = [question for question in learned if evaluated.overlaps(by_id[question])]
    taught = selected.filter(~pl.col("question_id").is_in(exact))
    if taught.is_empty():
        raise ValueError("questions: every question to train on is also a held-out question")
    return taught, {
        "questions": len(learned),
        "exact": len(exact),
        "overlapping": len(set(overlapping) - set(exact)),
        "words": LEAK_WORDS,
    }
