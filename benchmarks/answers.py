"""Reading answers: completions a second on one thread, against a regular-expression pipeline.

    python benchmarks/answers.py [rows]

The peer is what an evaluation harness does: the last match of its flexible number pattern (in polars,
vectorised, and in `re`, row by row), then a Minerva-style normaliser. CPU time is counted, so that a
busy machine matters less.
"""

import platform
import random
import re
import sys
import time
from collections.abc import Callable
from functools import partial

import polars as pl

from lmsi_kedro.kernels import canonical_keys, read_answers

FLEXIBLE = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
STEP = "Then she has {} + {} = {} apples left, and she puts them into boxes of the same size. "


def completions(rows: int, size: int) -> list[str]:
    rng = random.Random(0)
    texts = []
    for _ in range(rows):
        a, b, text = rng.randrange(100), rng.randrange(1000), ""
        while len(text) < size - 40:
            text += STEP.format(a, b, a + b)
        texts.append(text + f"The answer is ${a * b:,}.")
    return texts


def normalised(answer: str) -> str:
    """The part of the Minerva normaliser that numbers need."""
    answer = re.sub(r"(.*?)(\$)(.*?)(\$)(.*)", "$\\3$", answer.split("=")[-1])
    for pattern, text in (
        (r"\\text\{(.*?)\}", "\\1"),
        (r"\\boxed\{(.*)\}", "\\1"),
        (r"\\(d|t)frac", r"\\frac"),
    ):
        answer = re.sub(pattern, text, answer)
    return answer.replace("$", "").replace(",", "").strip(". ")


def by_re(texts: list[str]) -> list[str]:
    pattern = re.compile(FLEXIBLE)
    found = [pattern.findall(text) for text in texts]
    return [normalised(next(x for x in matches[-1] if x)) if matches else "" for matches in found]


def by_polars(texts: pl.Series) -> pl.Series:
    last = texts.str.extract_all(r"-?[$0-9.,]{2,}|-?[0-9]+").list.last()
    return last.str.replace_all(r"[$,]", "").str.strip_chars(".")


def rate(work: Callable[[], object], rows: int) -> float:
    """Rows a CPU second, the best of three."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return rows / min(spent)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"python {platform.python_version()}, polars {pl.__version__}, {platform.machine()}")
    print(f"{'bytes':>6} {'this':>12} {'re':>12} {'polars':>12} {'this/re':>8} {'this/polars':>12}")
    for size in (100, 460, 3600):
        texts = completions(rows if size < 1000 else rows // 4, size)
        column = pl.Series(texts)
        ours = rate(partial(read_answers, column, "number"), len(texts))
        python, vector = (
            rate(partial(by_re, texts), len(texts)),
            rate(partial(by_polars, column), len(texts)),
        )
        print(f"{size:>6} {ours:>12,.0f} {python:>12,.0f} {vector:>12,.0f}", end=" ")
        print(f"{ours / python:>8.1f} {ours / vector:>12.1f}")
    short = pl.Series(["$1,234.50", "3/4", "-80", "twenty-one"] * (rows // 4))
    print(
        f"canonical_keys: {rate(partial(canonical_keys, short, 'number'), len(short)):,.0f} answers/s"
    )


if __name__ == "__main__":
    main()
