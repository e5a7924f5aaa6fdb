"""Tests that hostile texts are accepted: every kind takes linear time, and mathematics takes bounded work."""

import time
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.kernels import canonical_keys, read_answers
from lmsi_kedro.kernels.answers import KINDS, algebra, math

pytest.importorskip("lmsi_kedro.kernels.answers.native")  # the reference is not meant to be fast

PIECES = [
    b"x", b" ", b"9", b"1 ", b"1,", b"1/", b"- ", b"{", b"(", b"\\boxed{", b"\\boxed",
    b"\\frac{1}{", b"**", b"$", b"\n", b"\nQ", b"The answer is ", b"Answer: 1 = 1. ", b"#### ",
    b"answer", b"no ", b"(A) or ", b"one hundred and ", b"half ", b"minus  ", b"10/", b"Jan 1 of ",
    b"12:30 ", b"e9", b"dog, ", b"e.g. ", b"\0", b"\xff", b"\xe2\x82", b"\xf0\x9f\x98",
    b"\\boxed{1}, ", b"<answer>", b"1. 2 ", b"2 hours ", b"1 hour, 2 minutes, ", b"not ", b"is correct. ",
    b"the final ", "10⁶ ".encode(), b"((", b"is the answer ",
    b"\xe2\x88\x92 ", "é ½ ".encode(), "“7” ".encode(), "The answer is é ".encode(),
]  # fmt: skip
CHOICES = ["12 km", "the dog", "none of the above", "9"]


def cpu_seconds(texts: pl.Series, kind: str) -> float:
    """Measures the CPU seconds (best of three) that parsing the texts and canonicalising them as answers takes."""
    choices = pl.Series([CHOICES] * len(texts)) if kind == "choice" else None
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        read_answers(texts, kind, choices, rule="trigger_or_last")
        canonical_keys(texts, kind, choices)
        best = min(best, time.process_time() - start)
    return best


def shapes(piece: bytes, size: int) -> list[bytes]:
    """Texts with the repeated piece alone, after an announcement, before one, and in three parts."""
    run = piece * (size // len(piece))
    third = piece * (size // len(piece) // 3)
    return [run, b"The answer is " + run, run + b"\n#### 7", b"\n\\boxed{".join([third] * 3)]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("kind", KINDS)
def test_time_is_linear(kind: str, piece: bytes) -> None:
    """A text of eight times the length may take 16 times as long; linear code takes 8, quadratic code 64 times."""
    short, long = (pl.Series(shapes(piece, size), dtype=pl.Binary) for size in (12_000, 96_000))
    allowed = 16 * cpu_seconds(short, kind) + 1e-3
    assert cpu_seconds(long, kind) < allowed


@pytest.mark.parametrize("kind", KINDS)
def test_large_texts_are_parsed(kind: str) -> None:
    megabyte = [
        piece * (2**20 // len(piece)) for piece in (b"{", b"\\boxed{", b"\0", b"\xff", b"x")
    ]
    digits = b"9" * 10**7
    texts = [*megabyte, digits, b"The answer is " + digits, b"\\boxed{0." + digits + b"}"]
    column = pl.Series(texts, dtype=pl.Binary)
    assert canonical_keys(column, kind).len() == len(texts)
    ended = read_answers(pl.Series([text + b"\n#### 7" for text in texts], dtype=pl.Binary), kind)
    if kind == "number":
        assert set(ended["key"]) == {"num:7"}
        assert ended["start"].to_list() == [
            len(text.decode(errors="replace")) + 6 for text in texts
        ]


EXPONENTS = {
    "1e999999999": "num:1e999999999",
    "-1E-999999999": "num:-1e-999999999",
    "1e999999999999999": "num:1e999999999999999",
    "1e9999999999999999": None,
    "10^999999999": "num:1e999999999",
    "2^{999999999}": None,
    "1e999999999/3": None,
    "1e-999999999%": "num:1e-999999999",
    "1e" + "9" * 100_000: None,
    "0e999999999": "num:0",
}


@pytest.mark.parametrize(("text", "key"), EXPONENTS.items(), ids=lambda value: str(value)[:20])
def test_huge_exponents_cost_no_time(text: str, key: str | None) -> None:
    start = time.process_time()
    assert canonical_keys([text], "number").to_list() == [key]
    for kind in KINDS:
        read_answers([f"The answer is {text}."], kind)
        canonical_keys([text], kind)
    assert time.process_time() - start < 0.1


def repeated(piece: str) -> str:
    """Repeats a piece up to the greatest length of a surface that is still parsed as mathematics."""
    return (piece * (math.MOST_LENGTH // len(piece))).rstrip(",+-*/")


def nested(pattern: str, times: int = 12) -> str:
    text = "x"
    for _ in range(times):
        text = pattern.format(text)
    return text


EXPENSIVE = [
    repeated("2\\pm(x+y+z)^6,"), repeated("(\\sqrt{2}x+\\sqrt{3})^12\\pm1;"), repeated("(x+1)^12-"),
    repeated("(x/97+y/89)^12,"), repeated("(x+1)^12<"), repeated("(x+1)^12\\cup "),
    repeated("\\sqrt{99999989},"), repeated("(0.123x+0.456)^{12},"), nested("(1+1/({}+1))^12"),
    nested("(1+\\sin({}+1))^12"), nested("(1+\\sqrt{{1+{}}})^12"), nested("(x_{{{}}}+1)^12"),
    nested("(1+x^{{{}}})^12"), "(," * 133 + ")" * 133, "(" * 200 + ")" * 200,
    "\\{1," * 80 + "\\}" * 80, "a_" * 200, "{" * 400, repeated("25!"), repeated("\\binom{100}{50}"),
    "9" * 400, "0.\\overline{" + "7" * 380 + "}", "x" * 10**6, "\\frac{" * 10**5,
]  # fmt: skip


@pytest.mark.parametrize("surface", EXPENSIVE, ids=lambda surface: surface[:16])
def test_work_for_mathematics_is_bounded(surface: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts products of terms, since times vary; no surface is known to need more than 7,896 of them (31 ms)."""
    products = 0
    product = algebra._product

    def counted(*arguments: Any) -> object:
        nonlocal products
        products += 1
        return product(*arguments)

    monkeypatch.setattr(algebra, "_product", counted)
    key = math.math_key(surface)
    assert products < 10_000
    assert key is not None
    assert len(key) < max(50_000, 2 * len(surface))


def test_square_factors_are_split_exactly() -> None:
    for n in [*range(1, 2000), 9973**2, 9973 * 9967, 461**3, 99_999_989, 2**26, 10**8]:
        outside, inside = algebra._square_part(n)
        assert outside * outside * inside == n
        assert not any(inside % (p * p) == 0 for p in range(2, 10_001) if p * p <= inside)


def test_deep_nesting_does_not_overflow_the_stack() -> None:
    """Each surface is parsed with 450 frames on the stack; Python's limit is 1,000."""

    def below(frames: int, surface: str) -> str | None:
        return below(frames - 1, surface) if frames else math.math_key(surface)

    for surface in EXPENSIVE:
        assert below(450, surface) == math.math_key(surface)
