"""Each question gets one answer per mode, which is compared with the accepted answers."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.evaluation.decoding import FORMATS
from lmsi_kedro.params import EvaluationParams
from lmsi_kedro.pipelines.evaluation.nodes import decide_answers, mark_predictions
from tests.fabricate import (
    TASKS,
    N,
    evaluation_answers,
    evaluation_readings,
    labels,
    predictions,
    questions,
)


def test_answers_are_marked_by_key() -> None:
    marked = mark_predictions(evaluation_answers(N, skill=0.45), labels(N), questions(N), TASKS)
    schemas.predictions(marked)
    assert marked.equals(predictions(N, skill=0.45))
    assert marked.filter(pl.col("key").is_null())["correct"].any() is False
    assert marked["correct"].null_count() == 0


def test_any_accepted_answer_is_correct() -> None:
    accepting = labels(1).with_columns(answers=pl.lit(["no idea", "1,000", "7"]))
    answers = evaluation_answers(1, skill=0.5).filter(pl.col("task") == "mini_gsm")
    answers = answers.with_columns(key=pl.Series(["num:7", "num:1000", None]))
    marked = mark_predictions(answers, accepting, questions(1), TASKS)
    assert marked["correct"].to_list() == [True, True, False]


def test_question_without_a_parsable_label_is_refused() -> None:
    answers = evaluation_answers(2, skill=0.5)
    first = pl.col("question_id") == answers[0, "question_id"]
    empty = pl.lit([], dtype=pl.List(pl.String))
    emptied = labels(2).with_columns(answers=pl.when(first).then(empty).otherwise("answers"))
    for known in (emptied, labels(2).filter(~first)):
        with pytest.raises(ValueError, match=rf"no parsable .* {answers[0, 'question_id']}"):
            mark_predictions(answers, known, questions(2), TASKS)


def test_every_mode_uses_only_its_own_paths() -> None:
    """Two voted modes of a question are separate votes; a single path has no confidence."""
    made = evaluation_readings(3, skill=0.5)
    voted = made.filter(mode="self_consistency")
    flipped = voted.with_columns(mode=pl.lit("self_consistency_raised"), key=pl.lit("num:-1"))
    evaluation = EvaluationParams(
        modes=list(FORMATS), greedy_questions=3, voted_questions=3, m=8,
        temperature=0.7, raised_temperature=1.2, label_precision=0.9, max_new_tokens=64, seed=1,
    )  # fmt: skip
    decided = decide_answers(pl.concat([made, flipped]), evaluation, round_number=0, arm="base")
    schemas.evaluation_answers(decided)
    expected = evaluation_answers(3, skill=0.5).sort("mode", "question_id")
    own = decided.filter(pl.col("mode") != "self_consistency_raised").sort("mode", "question_id")
    assert own.select("question_id", "mode", "key").equals(
        expected.select("question_id", "mode", "key")
    )
    raised = decided.filter(mode="self_consistency_raised")
    assert raised.height == 9
    assert (raised["key"] == "num:-1").all()
    assert (raised["confidence"] == 1).all()
    assert decided.filter(mode="cot_greedy")["confidence"].null_count() == 9
