"""Texts become votes; unparsable paths and tied questions are never used for training."""

from collections import Counter
from collections.abc import Iterator

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.pipelines.voting.nodes import count_votes, keep_agreeing_paths
from lmsi_kedro.reading import read_answers, read_texts
from tests.fabricate import TASKS

VOTING = VotingParams(
    rule="trigger",
    ties="abstain",
    min_confidence=0.0,
    max_confidence=1.0,
    max_paths_per_question=4,
    seed=1,
)
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
    readings = read_answers([paths], questions, TASKS, VOTING)
    votes = schemas.votes(count_votes(readings, VOTING))
    answers = schemas.answers(keep_agreeing_paths(readings, votes, VOTING))
    by_id = {row["question_id"]: row for row in votes.iter_rows(named=True)}
    assert {name: row["reason"] for name, row in by_id.items()} == REASONS
    assert by_id["won"]["key"] == "num:4"
    assert (by_id["won"]["votes"], by_id["won"]["readable"], by_id["won"]["paths"]) == (2, 3, 4)
    assert by_id["won"]["confidence"] == 0.5
    assert by_id["choice"]["key"] == "choice:B"
    kept = answers.filter("kept").select("question_id", "path").rows()
    assert sorted(kept) == [("choice", 0), ("choice", 1), ("won", 0)]
    won = dict(answers.filter(question_id="won").select("path", "reason").iter_rows())
    assert won == {0: "agrees", 1: "duplicate", 2: "disagrees", 3: "unreadable"}
    assert set(answers.filter(question_id="tied")["reason"]) == {"tied"}


def test_the_order_of_paths_does_not_matter() -> None:
    paths, questions = tables()
    shuffled = paths.sample(fraction=1, shuffle=True, seed=4)
    both = [
        count_votes(read_answers([p], questions, TASKS, VOTING), VOTING) for p in (paths, shuffled)
    ]
    assert both[0].equals(both[1])


def test_low_confidence_keeps_nothing() -> None:
    paths, questions = tables()
    strict = VOTING.model_copy(update={"min_confidence": 0.75})
    votes = count_votes(read_answers([paths], questions, TASKS, strict), strict)
    assert not votes["kept"].any()
    assert votes.filter(question_id="won")["reason"].item() == "low confidence"


def test_confidence_limits_may_change_by_round() -> None:
    """R-Zero's band drops votes with very high or low confidence; ScPO's threshold rises with the round."""
    paths, questions = tables()
    readings = read_answers([paths], questions, TASKS, VOTING)
    band = VOTING.model_copy(update={"max_confidence": 0.4})
    assert set(count_votes(readings, band)["reason"]) == {"high confidence", "tied", "unreadable"}
    rising = VOTING.model_copy(update={"min_confidence": [0.5, 0.75]})
    kept = {
        number: int(count_votes(readings, rising, number)["kept"].sum()) for number in (1, 2, 9)
    }
    assert kept == {1: 2, 2: 0, 9: 0}
    with pytest.raises(ValueError, match="empty list"):
        VotingParams(**{**VOTING.model_dump(), "min_confidence": []})


def test_winner_below_minimum_margin_is_not_kept() -> None:
    """The minimum margin is SCRL's: a winner with 2 of 4 paths has a margin of .25 over an answer with 1 path."""
    paths, questions = tables()
    readings = read_answers([paths], questions, TASKS, VOTING)
    for margin, reason in ((0.25, "winner"), (0.26, "low margin")):
        gate = VOTING.model_copy(update={"min_margin": margin})
        votes = count_votes(readings, gate)
        reasons = dict(votes.select("question_id", "reason").iter_rows())
        assert reasons["won"] == reason
        assert {reasons["tied"], reasons["unreadable"]} == {"tied", "unreadable"}
        answers = keep_agreeing_paths(readings, votes, gate).filter(question_id="won")
        assert ("agrees" in answers["reason"]) is (reason == "winner")


def test_duplicates_are_dropped_before_the_random_cap() -> None:
    """Duplicates differ only in spaces and case; the cap depends on the seed, not on the order of rows."""
    texts = ["Three. The answer is 3.", "three.  The answer is 3. "]
    texts += [f"Way {way}: 3. The answer is 3." for way in range(9)]
    rows = [("won", i, "s", text, 5, -1.0, "stop") for i, text in enumerate(texts)]
    paths = pl.DataFrame(rows, schema=schemas.PATHS, orient="row")
    _, questions = tables()

    def reasons(table: pl.DataFrame, seed: int, cap: int | None = 4) -> dict[int, str]:
        voting = VOTING.model_copy(update={"seed": seed, "max_paths_per_question": cap})
        readings = read_answers([table[:4], table[4:]], questions, TASKS, voting)
        answers = keep_agreeing_paths(readings, count_votes(readings, voting), voting)
        return dict(answers.select("path", "reason").iter_rows())

    first = reasons(paths, 1)
    assert Counter(first.values()) == {"agrees": 4, "capped": 6, "duplicate": 1}
    assert first[1] == "duplicate"
    assert reasons(paths.sample(fraction=1, shuffle=True, seed=3), 1) == first
    assert len({tuple(reasons(paths, seed).values()) for seed in range(8)}) > 4
    assert Counter(reasons(paths, 1, None).values()) == {"agrees": 10, "duplicate": 1}


def test_texts_are_read_chunk_by_chunk() -> None:
    """Only one chunk is read at a time, and the readings contain no texts."""
    paths, questions = tables()
    asked: list[int] = []

    def chunks() -> Iterator[pl.DataFrame]:
        for start in range(0, paths.height, 4):
            asked.append(start)
            yield paths[start : start + 4]

    lazily = iter(read_texts(chunks(), questions, TASKS, VOTING))
    next(lazily)
    assert asked == [0]
    assert "text" not in read_answers(chunks(), questions, TASKS, VOTING).columns
    schemas.readings(read_answers(chunks(), questions, TASKS, VOTING))
