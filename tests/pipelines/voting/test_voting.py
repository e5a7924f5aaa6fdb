"""From texts to winners: unreadable paths and ties never teach anything."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.pipelines.voting.nodes import count_votes, keep_agreeing, read_answers
from tests.fabricate import TASKS

VOTING = VotingParams(rule="trigger", ties="abstain", min_confidence=0.0)
TEXTS = {
    "won": ["The answer is 4.", "The answer is 4.", "The answer is 5.", "I do not know."],
    "tied": ["The answer is 4.", "The answer is 5.", "The answer is 4.", "The answer is 5."],
    "unreadable": ["?", "Four!", "", "The answer is"],
    "choice": [
        "The answer is (B).",
        "It looks like B. The answer is B.",
        "(A)",
        "The answer is (A).",
    ],
}
REASONS = {"won": "winner", "tied": "tied", "unreadable": "unreadable", "choice": "winner"}


def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = [
        (question, path, "s", text, 5, -1.0, "stop")
        for question, texts in TEXTS.items()
        for path, text in enumerate(texts)
    ]
    questions = pl.DataFrame(
        [
            (name, "mini_arc" if name == "choice" else "mini_gsm", "unlabeled", name, None, None)
            for name in TEXTS
        ],
        schema=schemas.QUESTIONS,
        orient="row",
    ).with_columns(
        choices=pl.when(pl.col("task") == "mini_arc").then(pl.lit(["one", "two"])).otherwise(None)
    )
    return pl.DataFrame(rows, schema=schemas.PATHS, orient="row"), questions


def test_votes_and_kept_paths() -> None:
    paths, questions = tables()
    readings = read_answers(paths, questions, TASKS, VOTING)
    votes = schemas.votes(count_votes(readings, VOTING))
    answers = schemas.answers(keep_agreeing(readings, votes))
    by_id = {row["question_id"]: row for row in votes.iter_rows(named=True)}
    assert {name: row["reason"] for name, row in by_id.items()} == REASONS
    assert by_id["won"]["key"] == "num:4"
    assert (by_id["won"]["votes"], by_id["won"]["readable"], by_id["won"]["paths"]) == (2, 3, 4)
    assert by_id["won"]["confidence"] == 0.5
    assert by_id["choice"]["key"] == "choice:B"
    kept = answers.filter("kept").select("question_id", "path").rows()
    assert sorted(kept) == [("choice", 0), ("choice", 1), ("won", 0), ("won", 1)]
    assert set(answers.filter(question_id="tied")["reason"]) == {"tied"}


def test_the_order_of_paths_does_not_matter() -> None:
    paths, questions = tables()
    shuffled = paths.sample(fraction=1, shuffle=True, seed=4)
    both = [
        count_votes(read_answers(p, questions, TASKS, VOTING), VOTING) for p in (paths, shuffled)
    ]
    assert both[0].equals(both[1])


def test_low_confidence_keeps_nothing() -> None:
    paths, questions = tables()
    strict = VOTING.model_copy(update={"min_confidence": 0.75})
    votes = count_votes(read_answers(paths, questions, TASKS, strict), strict)
    assert not votes["kept"].any()
    assert votes.filter(question_id="won")["reason"].item() == "low confidence"
