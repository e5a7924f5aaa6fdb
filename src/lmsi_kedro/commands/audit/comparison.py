"""Compares our answers with those of Math-Verify and a regular expression; our rules canonicalise all of them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from lmsi_kedro import kernels
from lmsi_kedro.commands.audit.math_verify import TIMEOUT, read_all
from lmsi_kedro.tasks import Kind

# Evaluation harnesses often use such patterns: the answer is the last number, letter in brackets or box.
PATTERNS: dict[Kind, str] = {
    "number": r"-?\$?\d[\d,]*(?:\.\d+)?",
    "choice": r"\(([A-Z])\)",
    "math": r"\\boxed\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}",
}
OUTCOMES = ("agree", "only we read", "only they read", "differ", "neither", "timeout")
READERS = ("math_verify", "regex")


@dataclass(frozen=True)
class Audit:
    """The number of texts as counts[reader][outcome], and the disagreements as rows of a table.

    The table has the columns of tests/kernels/answers/answers.csv, followed by the answer of each reader.
    """

    completions: int
    counts: dict[str, Counter[str]]
    disagreements: pl.DataFrame


def audit(
    texts: Sequence[str], kind: Kind, rule: str, workers: int = 2, timeout: float = 3.0
) -> Audit:
    """Parses every text in three ways. Raises ValueError for a kind that the other parsers do not support.

    timeout: seconds per text after which Math-Verify is killed.
    """
    if kind not in PATTERNS:
        raise ValueError(f"no other parser supports kind {kind!r}; audit {', '.join(PATTERNS)}")
    ours = kernels.read_answers(list(texts), kind, rule=rule)["key"]
    theirs = {
        "math_verify": read_all(texts, kind == "choice", workers, timeout),
        "regex": [last_match(PATTERNS[kind], text) for text in texts],
    }
    outcomes = {
        name: [outcome(*row) for row in zip(ours, keyed(found, kind), found, strict=True)]
        for name, found in theirs.items()
    }
    rows = pl.DataFrame(
        {
            "kind": [kind] * len(texts),
            "rule": [rule] * len(texts),
            "choices": [""] * len(texts),
            "text": [text.replace("\n", "\\n") for text in texts],
            "key": ours,
            **theirs,
        },
        schema_overrides={**dict.fromkeys(READERS, pl.String), "key": pl.String},
    )
    disputed = [
        any(found[i] not in ("agree", "neither") for found in outcomes.values())
        for i in range(len(texts))
    ]
    counts = {name: Counter(found) for name, found in outcomes.items()}
    return Audit(len(texts), counts, rows.filter(pl.Series(disputed, dtype=pl.Boolean)))


def last_match(pattern: str, text: str) -> str | None:
    found = re.findall(pattern, text)
    return found[-1] if found else None


def keyed(found: Sequence[str | None], kind: Kind) -> pl.Series:
    """Returns the canonical form of each extracted answer; null if nothing was extracted or it is unparsable."""
    written = [None if answer == TIMEOUT else answer for answer in found]
    return kernels.canonical_keys(pl.Series(written, dtype=pl.String), kind)


def outcome(ours: str | None, theirs: str | None, found: str | None) -> str:
    if found == TIMEOUT:
        return "timeout"
    if ours is None or theirs is None:
        return "neither" if ours is theirs else ("only we read" if ours else "only they read")
    return "agree" if ours == theirs else "differ"
