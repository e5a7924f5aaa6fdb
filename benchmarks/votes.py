"""Counting the votes of m paths: our kernel against collections.Counter, polars and torch.mode.

Ours returns every column of `count_votes`. Counter, `polars mode` and `torch.mode` return only the winner.
`torch.mode` requires integer ids instead of keys and returns neither counts nor ties; `torch.mode with ids`
includes the time for converting keys to ids. `polars all columns` is a query for the same columns as ours. The
benchmark asserts that all results agree. Figures are CPU time on one thread; the libraries take turns, and each
figure is the best of 7 turns.
"""

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # read when polars is imported

import random
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
import torch
from result import QUICK, Result, arguments

from lmsi_kedro.kernels import count_votes

REPEATS, QUESTIONS = (2, 5_000) if QUICK else (7, 50_000)
SETTINGS = {
    "both": f"{QUESTIONS:,} questions, one thread, CPU time, best of {REPEATS}",
    "ours": "every column of count_votes",
    "peers": "the winner only, except for `polars all columns`; `torch.mode with ids` also converts keys to ids",
}
FORMS = {
    "numbers": "num:{}".format,
    "dates": "date:2022-10-{:02}".format,
    "spans": "span:the answer in a few words {}".format,
}


def paths_of(m: int, form: Callable[[int], str]) -> list[str | None]:
    """Make answers that mostly agree, as with a model: about five different ones per question, 3 % unparsable."""
    rng = random.Random(0)
    return [
        form(q % 90 + int(abs(rng.gauss(0, 2)))) if rng.random() < 0.97 else None
        for q in range(QUESTIONS)
        for _ in range(m)
    ]


def polars_all(frame: pl.DataFrame) -> pl.DataFrame:
    """Compute the columns of `count_votes` with polars; the rows have no fixed order."""
    count, key, read = pl.col("len"), pl.col("key"), pl.col("key").is_not_null()
    counted = frame.lazy().group_by("question", "key").len().group_by("question")
    return (
        counted.agg(
            votes=count.filter(read).max(),
            second=count.filter(read).top_k(2).sum(),
            readable=count.filter(read).sum(),
            paths=count.sum(),
            entropy=count.filter(read).entropy(base=2),
            tied=key.filter(read, count == count.filter(read).max()).sort(),
        )
        .with_columns(
            key=pl.when(pl.col("tied").list.len() == 1).then(pl.col("tied").list.first()),
            confidence=pl.col("votes") / pl.col("paths"),
            margin=(2 * pl.col("votes") - pl.col("second")) / pl.col("paths"),
        )
        .collect()
    )


def ids_of(series: pl.Series, m: int) -> torch.Tensor:
    """Convert the keys to integers [questions, m] by the fastest method of polars."""
    ids = series.cast(pl.Categorical).to_physical().fill_null(2**31)
    return torch.from_numpy(ids.cast(pl.Int64).to_numpy(writable=True)).view(-1, m)


def check(series: pl.Series, frame: pl.DataFrame, m: int) -> None:
    """Check that our columns equal those of polars, and that Counter counts as many votes for the winner."""
    ours = count_votes(series, np.arange(0, len(series) + 1, m))
    theirs = polars_all(frame).sort("question").fill_null(0)
    for name in ("votes", "readable", "paths", "key", "tied"):
        assert ours[name].to_list() == theirs[name].to_list(), name
    for name in ("confidence", "margin", "entropy"):
        assert np.allclose(ours[name], theirs[name], rtol=0, atol=1e-12), name
    for row, votes in enumerate(ours["votes"][:500]):
        keys = (key for key in series[row * m : (row + 1) * m] if key is not None)
        assert votes == max(Counter(keys).values())


def best_of(sides: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the CPU microseconds per question of each side in its best turn."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(REPEATS):
        for name, side in sides.items():
            start = time.process_time()
            side()
            best[name] = min(best[name], (time.process_time() - start) / QUESTIONS * 1e6)
    return best


def compare(m: int, form: Callable[[int], str]) -> dict[str, float]:
    keys = paths_of(m, form)
    series = pl.Series("key", keys)
    offsets = np.arange(0, len(keys) + 1, m)
    frame = pl.DataFrame({"question": np.repeat(np.arange(QUESTIONS), m), "key": series})
    read = frame.drop_nulls()
    ids = ids_of(series, m)
    check(series, frame, m)
    return best_of(
        {
            "ours": lambda: count_votes(series, offsets),
            "polars mode": lambda: read.group_by("question").agg(pl.col("key").mode()),
            "Counter": lambda: [
                Counter(keys[i : i + m]).most_common(1) for i in range(0, len(keys), m)
            ],
            "polars all columns": lambda: polars_all(frame),
            "torch.mode": lambda: torch.mode(ids, dim=1),
            "torch.mode with ids": lambda: torch.mode(ids_of(series, m), dim=1),
        }
    )


def main() -> None:
    arguments(__file__, __doc__).parse_args()
    torch.set_num_threads(1)
    result = Result("votes", SETTINGS)
    for m, name in ((32, "numbers"), (8, "numbers"), (32, "dates"), (32, "spans")):
        times = compare(m, FORMS[name])
        result.add(f"{name}, m = {m}", "us per question", times.pop("ours"), times)
    result.finish()


if __name__ == "__main__":
    main()
