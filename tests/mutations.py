"""Fuzzing: checks a property on each file of a corpus, then on mutated files for FUZZ_SECONDS (default 1).

The smallest failing content is written to .build/crash/; once the fault is fixed, add it to tests/corpus/.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
CORPUS = Path(__file__).parent / "corpus"
CRASH = Path(__file__).parents[1] / ".build" / "crash"
ROUND = 25  # number of inputs between two checks of the time
SHORT = 1 << 14  # longer inputs only make the search slower
Holds = Callable[[str, bytes], None]
T = TypeVar("T")


def corpus(kind: str) -> dict[str, bytes]:
    """The contents of the corpus files by file name."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / kind).iterdir())}


def attempt(action: Callable[[], T], refusal: type[Exception]) -> tuple[T | None, str]:
    """Return the result and an empty text, or None and the message of the refusal."""
    try:
        return action(), ""
    except refusal as error:
        return None, str(error)


@st.composite
def edits(draw: st.DrawFn, contents: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    """One of the contents after some insertions, deletions, repetitions, splices and flipped bits."""
    content = draw(st.sampled_from(contents))
    inserted = st.sampled_from(pieces) | st.binary(min_size=1, max_size=3)
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        cut = content[start:end]
        new = draw(
            inserted
            | st.sampled_from([b"", cut + cut, bytes(byte ^ 1 for byte in cut)])
            | st.builds(bytes.__mul__, inserted, st.integers(1, 200))
        )
        content = content[:start] + new + content[end:]
    return content[:SHORT]


def fuzz(kind: str, pieces: Sequence[bytes], holds: Holds) -> None:
    """Call `holds` with the name and the content of each corpus file, and then of mutated files."""
    files = corpus(kind)
    formats: dict[str, list[bytes]] = {}
    for name, content in files.items():
        holds(name, content)
        formats.setdefault(name.partition(".")[2], []).append(content)
    mutated = st.one_of(
        [
            st.tuples(st.just(f"fuzzed.{ending}"), edits(contents, pieces))
            for ending, contents in formats.items()
        ]
    )

    @settings(
        max_examples=ROUND, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated)
    def once(case: tuple[str, bytes]) -> None:
        try:
            holds(*case)
        except BaseException:
            CRASH.mkdir(parents=True, exist_ok=True)
            (CRASH / f"{kind}.{case[0]}").write_bytes(case[1])
            raise

    end, rounds = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        seed(rounds)(once)()
        rounds += 1
