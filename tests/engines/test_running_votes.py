"""Compares Adaptive-Consistency's criterion with its definition, and the running agreement with a recount."""

from collections import Counter
from math import comb
from random import Random

import polars as pl
import pytest

from lmsi_kedro.engines.running_votes import RunningVotes, lead


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (8, 0), (7, 1), (6, 2), (20, 11), (5, 5)]
)
def test_lead_is_the_beta_posterior(first: int, second: int) -> None:
    """P(p > 1/2) for p ~ Beta(first + 1, second + 1) is a binomial tail, computed exactly with integers."""
    n = first + second + 1
    tail = sum(comb(n, k) for k in range(first + 1)) / 2**n
    votes = Counter({"a": first, "b": second, "c": min(second, 1)})
    assert lead(votes) == pytest.approx(tail, rel=1e-12)


def test_decisions_match_known_cases() -> None:
    """With eight paths, 7 to 1 is decided at 0.95 and 6 to 2 is not; unparsable paths do not count."""
    running = RunningVotes(lambda table: table)
    for question, keys in {"a": "aaaaaaab", "b": "aaaaaabb", "c": [None] * 8}.items():
        running.add(pl.DataFrame({"question_id": [question] * 8, "key": list(keys)}))
    assert running.decided(0.95) == {"a"}


def test_agreement_over_chunks_equals_a_recount() -> None:
    """The paths of a question are spread over several chunks."""
    draw = Random(1)
    rows = [(f"q{draw.randrange(20)}", draw.choice(["1", "2", "3", None])) for _ in range(500)]
    running = RunningVotes(lambda table: table)
    for start in range(0, 500, 7):
        chunk = rows[start : start + 7]
        running.add(
            pl.DataFrame(chunk, schema={"question_id": pl.String, "key": pl.String}, orient="row")
        )
    votes: dict[str, Counter[str]] = {}
    for question, key in rows:
        votes.setdefault(question, Counter()).update([key] if key else [])
    assert running.agreement == sum(max(v.values(), default=0) for v in votes.values()) / 500
