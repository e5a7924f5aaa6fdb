"""Parsing answers: completions per CPU second on one thread, against lm-evaluation-harness and Math-Verify.

The parsers take turns on the same completions, and the figure of each is the best of several turns. Ours extracts
and canonicalises answers. lm-evaluation-harness does the same with its GSM8K filter ("flexible-extract") and its
Minerva normaliser. `math_verify.parse` runs with its defaults but without its timeout. The same run checks our
answers.
"""

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import polars as pl
from result import QUICK, Result, arguments

from lmsi_kedro.kernels import read_answers

FLEXIBLE = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"  # gsm8k-cot.yaml of the harness, group_select -1
STEPS = (
    "Then she has {} + {} = {} apples left, and she puts them into boxes of the same size. ",
    "There are {} of {} children at home, so we need to add what the others bring.\n",
    "Since each box costs ${}.50 and holds {} apples, that makes ${} a day. ",
)
ROUNDS, ROWS = (2, 2_000) if QUICK else (5, 20_000)
SETTINGS = {
    "both": f"one thread, CPU time, best of {ROUNDS}",
    "ours": "read_answers, kind number",
    "lm-eval": "flexible-extract, then the Minerva normaliser",
    "Math-Verify": "parse without its timeout",
}


def completions(rows: int, size: int) -> tuple[list[str], list[str]]:
    """Return texts of about `size` bytes and their canonical answers."""
    rng = random.Random(size)
    texts, keys = [], []
    for _ in range(rows):
        a, b, text = rng.randrange(100), rng.randrange(1000), ""
        while len(text) < size - 30:
            text += rng.choice(STEPS).format(a, b, a + b)
        texts.append(text + f"The answer is ${a * b:,}.")
        keys.append(f"num:{a * b}")
    return texts, keys


def harness() -> Callable[[list[str]], list[str]]:
    """Return a parser with the filter and the normaliser of the harness, as its tasks use them."""
    from lm_eval.filters.extraction import RegexFilter

    # The module refuses to be imported with this version of a LaTeX parser, which is not measured here.
    with patch("importlib.metadata.version", return_value="4.11"):
        from lm_eval.tasks.minerva_math.utils import normalize_final_answer
    flexible = RegexFilter(regex_pattern=FLEXIBLE, group_select=-1)

    def read(texts: list[str]) -> list[str]:
        found = flexible.apply([[text] for text in texts], [{}] * len(texts))
        return [normalize_final_answer(first) for first, *_ in found]

    return read


def math_verify() -> Callable[[list[str]], list[object]]:
    from math_verify import parse

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that the timeout is off
    return lambda texts: [parse(text, parsing_timeout=None) for text in texts]


def rates(readers: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Return the completions per CPU second of each parser in the best of ROUNDS turns."""
    best = dict.fromkeys(readers, 0.0)
    for _ in range(ROUNDS):
        for name, (work, rows) in readers.items():
            start = time.process_time()
            work()
            best[name] = max(best[name], rows / (time.process_time() - start))
    return best


def main() -> None:
    arguments(__file__, __doc__).parse_args()
    result = Result("answers", SETTINGS)
    by_parser = math_verify()  # before the harness, because each chooses its LaTeX parser on import
    by_harness = harness()
    for size in (460, 3600):
        texts, keys = completions(ROWS * 460 // size, size)
        column, few = pl.Series(texts), texts[: ROWS * 23 // size]
        assert read_answers(column, "number")["key"].to_list() == keys
        some = texts[: len(texts) // 10]
        found = rates(
            {
                "ours": (partial(read_answers, column, "number"), len(texts)),
                "lm-eval": (partial(by_harness, some), len(some)),
                "Math-Verify": (partial(by_parser, few), len(few)),
            }
        )
        result.add(f"{size:,} bytes", "completions/s", found.pop("ours"), found)
    result.finish()


if __name__ == "__main__":
    main()
