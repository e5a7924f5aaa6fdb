"""Votes of m paths: our kernel against collections.Counter, polars and torch.mode, asserted to agree.

Ours returns every column of `count_votes`. Counter, `polars mode` and `torch.mode` return the winner
alone (torch.mode of integer ids, so it knows neither counts nor ties; "with ids" adds making them
from the keys); `polars all` is a query for the same columns. One thread, CPU time, the sides taking
turns, best of 7. A sample (2 cores of an AMD EPYC, shared with other work):

    polars 2.1.0, torch 2.13.0+cpu, 50000 questions
    us a question, and how many times ours it takes
    numbers, m = 8: ours 0.051, Counter 2.53 (49.4x), polars mode 1.15 (22.4x),
        polars all 4.89 (95.4x), torch.mode 0.08 (1.5x), with ids 0.21 (4.1x)
    numbers, m = 32: ours 0.075, Counter 3.49 (46.8x), polars mode 1.82 (24.5x),
        polars all 5.55 (74.5x), torch.mode 0.44 (5.9x), with ids 0.99 (13.3x)
    dates, m = 32: ours 0.145, Counter 5.55 (38.2x), polars mode 2.17 (14.9x),
        polars all 6.05 (41.7x), torch.mode 0.45 (3.1x), with ids 1.01 (7.0x)
    spans, m = 32: ours 0.366, Counter 4.13 (11.3x), polars mode 2.38 (6.5x),
        polars all 6.31 (17.2x), torch.mode 0.44 (1.2x), with ids 1.01 (2.8x)
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

from lmsi_kedro.kernels import count_votes

REPEATS = 7
QUESTIONS = 50_000
FORMS = {
    "numbers": "num:{}".format,
    "dates": "date:2022-10-{:02}".format,
    "spans": "span:the answer in a few words {}".format,
}


def paths_of(m: int, form: Callable[[int], str]) -> list[str | None]:
    """Answers that mostly agree, as a model's do: around five keys a question, 3 % unreadable."""
    rng = random.Random(0)
    return [
        form(q % 90 + int(abs(rng.gauss(0, 2)))) if rng.random() < 0.97 else None
        for q in range(QUESTIONS)
        for _ in range(m)
    ]


def polars_all(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of `count_votes` by polars, in no order of questions."""
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
    """Keys as integers [questions, m], by the fastest way that polars has."""
    ids = series.cast(pl.Categorical).to_physical().fill_null(2**31)
    return torch.from_numpy(ids.cast(pl.Int64).to_numpy(writable=True)).view(-1, m)


def check(series: pl.Series, frame: pl.DataFrame, m: int) -> None:
    """Ours is polars' answer in every column, and the winner has as many votes as Counter says."""
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
    """The least CPU microseconds a question of each side, the sides taking turns."""
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
            "Counter": lambda: [
                Counter(keys[i : i + m]).most_common(1) for i in range(0, len(keys), m)
            ],
            "polars mode": lambda: read.group_by("question").agg(pl.col("key").mode()),
            "polars all": lambda: polars_all(frame),
            "torch.mode": lambda: torch.mode(ids, dim=1),
            "with ids": lambda: torch.mode(ids_of(series, m), dim=1),
        }
    )


def main() -> None:
    torch.set_num_threads(1)
    print(f"polars {pl.__version__}, torch {torch.__version__}, {QUESTIONS} questions")
    print("us a question, and how many times ours it takes")
    for name, form in FORMS.items():
        for m in (8, 32) if name == "numbers" else (32,):
            times = best_of_line(compare(m, form))
            print(f"{name}, m = {m}: {times}")


def best_of_line(times: dict[str, float]) -> str:
    ours = times.pop("ours")
    rest = (f"{name} {time:.2f} ({time / ours:.1f}x)" for name, time in times.items())
    return ", ".join([f"ours {ours:.3f}", *rest])


if __name__ == "__main__":
    main()
