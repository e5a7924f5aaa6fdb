"""Reading answers: completions a CPU second on one thread, beside lm-evaluation-harness and Math-Verify.

    pip install -e '.[bench]' -c constraints.txt && python benchmarks/answers.py [rows]

All readers take the same completions in turn, best of several. Ours extracts and canonicalises; so does the
harness with its own GSM8K filter ("flexible-extract") and its own Minerva normaliser; `math_verify.parse` with its
defaults but without its alarm clock. Every answer of ours is checked in the same run. Measured on 2 cores:

     bytes         this      lm-eval  Math-Verify  this/lm-eval  this/Math-Verify
       460    2,007,743       17,846        4,300         112.5             466.9
      3600    1,144,905        6,019        1,692         190.2             676.6
"""

import logging
import platform
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from unittest.mock import patch

import polars as pl

from lmsi_kedro.kernels import canonical_keys, read_answers

FLEXIBLE = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"  # gsm8k-cot.yaml of the harness, group_select -1
STEPS = (
    "Then she has {} + {} = {} apples left, and she puts them into boxes of the same size. ",
    "There are {} of {} children at home, so we need to add what the others bring.\n",
    "Since each box costs ${}.50 and holds {} apples, that makes ${} a day. ",
)
ROUNDS = 5


def completions(rows: int, size: int) -> tuple[list[str], list[str]]:
    """Texts of about `size` bytes, and the keys of their answers."""
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
    """The harness's filter and normaliser, as its tasks use them."""
    from lm_eval.filters.extraction import RegexFilter

    # Its module wants the parser of another version for what is not measured here.
    with patch("importlib.metadata.version", return_value="4.11"):
        from lm_eval.tasks.minerva_math.utils import normalize_final_answer
    flexible = RegexFilter(regex_pattern=FLEXIBLE, group_select=-1)

    def read(texts: list[str]) -> list[str]:
        found = flexible.apply([[text] for text in texts], [{}] * len(texts))
        return [normalize_final_answer(first) for first, *_ in found]

    return read


def math_verify() -> Callable[[list[str]], list[object]]:
    from math_verify import parse

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that the alarm clock is off
    return lambda texts: [parse(text, parsing_timeout=None) for text in texts]


def rates(readers: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Completions a CPU second of each reader, which take turns; the best of ROUNDS."""
    best = dict.fromkeys(readers, 0.0)
    for _ in range(ROUNDS):
        for name, (work, rows) in readers.items():
            start = time.process_time()
            work()
            best[name] = max(best[name], rows / (time.process_time() - start))
    return best


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(
        f"python {platform.python_version()}, polars {pl.__version__}, lm-eval {version('lm_eval')}, "
        f"Math-Verify {version('math-verify')}, {platform.machine()}, one thread"
    )
    print(f"{'bytes':>6} {'this':>12} {'lm-eval':>12} {'Math-Verify':>12}", end=" ")
    print(f"{'this/lm-eval':>13} {'this/Math-Verify':>17}")
    by_parser, by_harness = (
        math_verify(),
        harness(),
    )  # in this order: each picks its parser when imported
    for size in (460, 3600):
        texts, keys = completions(rows * 460 // size, size)
        column, few = pl.Series(texts), texts[: rows * 23 // size]
        assert read_answers(column, "number")["key"].to_list() == keys
        some = texts[: len(texts) // 10]
        found = rates(
            {
                "this": (lambda column=column: read_answers(column, "number"), len(texts)),  # type: ignore[misc]
                "harness": (lambda some=some: by_harness(some), len(some)),  # type: ignore[misc]
                "parser": (lambda few=few: by_parser(few), len(few)),  # type: ignore[misc]
            }
        )
        ours, filtered, parsed = found.values()
        print(f"{size:>6} {ours:>12,.0f} {filtered:>12,.0f} {parsed:>12,.0f}", end=" ")
        print(f"{ours / filtered:>13.1f} {ours / parsed:>17.1f}")
    short = pl.Series(["$1,234.50", "3/4", "-80", "twenty-one"] * (rows // 4))
    keyed = rates({"keys": (lambda: canonical_keys(short, "number"), len(short))})
    print(f"canonical_keys: {keyed['keys']:,.0f} answers a second")


if __name__ == "__main__":
    main()
