"""Votes on parsed answers: which are kept, why others are not, and which agreeing paths are capped."""

from typing import Any

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.votes import count_within, thin_out

GIVEN: dict[str, Any] = {
    "rule": "trigger", "ties": "abstain", "min_confidence": 0.0, "max_confidence": 1.0,
    "max_paths_per_question": None, "seed": 1,
}  # fmt: skip
VOTING = VotingParams(**GIVEN)


def readings(**keys: str) -> pl.DataFrame:
    """Readings of questions: each letter is the answer of one path, and - is an unparsable one."""
    rows = [
        {"question_id": question, "path": path, "key": None if key == "-" else key}
        for question, letters in keys.items()
        for path, key in enumerate(letters)
    ]
    return pl.DataFrame(rows, schema=schemas.READINGS)


def test_reason_says_why_a_vote_is_not_kept() -> None:
    given = readings(sure="aaaa", split="aabb", weak="aabc", close="aaabb-", silent="----")
    votes = count_within(given, VOTING, 0.5, 0.9, margin=0.2)
    assert dict(votes.select("question_id", "reason").iter_rows()) == {
        "sure": "high confidence", "split": "tied", "weak": "winner", "close": "low margin",
        "silent": "unreadable",
    }  # fmt: skip
    assert votes.filter("kept")["question_id"].to_list() == ["weak"]


def test_ties_by_probability_need_log_probabilities() -> None:
    with pytest.raises(ValueError, match=r"set voting\.ties=abstain"):
        count_within(readings(a="ab"), VotingParams(**GIVEN | {"ties": "logprob"}), 0.0, 1.0)


def test_cap_does_not_depend_on_row_order() -> None:
    judged = readings(a="xxxxxx").with_columns(
        content=pl.Series([1, 1, 2, 3, 4, 5], dtype=pl.UInt64), reason=pl.lit("agrees")
    )
    capped = VotingParams(**GIVEN | {"max_paths_per_question": 2})
    one, other = (
        thin_out(table, capped).sort("path")["reason"].to_list()
        for table in (judged, judged.reverse())
    )
    assert one == other
    assert one[1] == "duplicate"
    assert one.count("agrees") == 2
    assert one.count("capped") == 3
